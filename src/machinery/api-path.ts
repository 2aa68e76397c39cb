/** URL paths of the Kubernetes API. */
import type { KindRef } from '#api/kind.ts';
import type { ListOptions } from './api-client.ts';

/** `/api/v1/namespaces/default/pods/web/status`, `/apis/kubevirt.io/v1/virtualmachines`, … */
export function apiPath(
  kind: KindRef,
  target: {
    readonly namespace?: string | undefined;
    readonly name?: string;
    readonly subresource?: string | undefined;
  },
): string {
  const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  const scope =
    kind.namespaced && target.namespace !== undefined
      ? `/namespaces/${encodeURIComponent(target.namespace)}`
      : '';
  const name = target.name === undefined ? '' : `/${encodeURIComponent(target.name)}`;
  return `${root}${scope}/${kind.plural}${name}${target.subresource === undefined ? '' : `/${target.subresource}`}`;
}

/** Query of a list or a watch. */
export function listQuery(options: ListOptions, extra: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams(extra);
  for (const name of ['labelSelector', 'fieldSelector', 'resourceVersion', 'continue'] as const) {
    const value = options[name];
    if (value !== undefined && value !== '') {
      query.set(name, value);
    }
  }
  if (options.limit !== undefined) {
    query.set('limit', String(options.limit));
  }
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}
