/** Writes as plug-ins see them. */
import type { KindDefinition } from '#api/kind.ts';
import type { Call, Services } from '../registry/call.ts';
import type { DeleteOptions } from '../registry/delete-options.ts';
import { isRecord } from '../registry/metadata.ts';
import type { ApiObject } from '../registry/objects.ts';
import { scaleKind, scaleOf } from '../registry/scale.ts';
import type { AdmissionPlugin, Attributes, Maybe, Target } from './plugin.ts';
import { chain, runMutating, runValidating } from './plugin.ts';

/** An object on its way into the store. */
interface Written {
  readonly kind: KindDefinition;
  readonly object: ApiObject;
  readonly old?: ApiObject | undefined;
  readonly subresource?: string | undefined;
}

/** A write and the plug-ins that have something to do with it. */
export interface Review {
  readonly plugins: readonly AdmissionPlugin[];
  readonly attributes: Attributes;
  /** The object as the request's subresource shows it. */
  readonly shown: (object: ApiObject) => ApiObject;
}

/** The review of a write; undefined when nobody wants one, which is the usual case. */
export function reviewOf(
  services: Services,
  call: Call,
  written: Written,
  dryRun: boolean,
): Review | undefined {
  const { plugins } = services;
  if (plugins === undefined) {
    return undefined;
  }
  const { kind, object, old, subresource = '' } = written;
  const binds = subresource === 'binding';
  const target: Target = {
    operation: old === undefined || binds ? 'CREATE' : 'UPDATE',
    kind,
    subresource,
    namespace: namespaceOf(kind, object),
  };
  const concerned = concernedBy(plugins, target);
  if (concerned.length === 0) {
    return undefined;
  }
  const paths = subresource === 'scale' ? kind.subresources?.scale : undefined;
  const shown = binds
    ? bindingOf
    : paths === undefined
      ? (given: ApiObject) => given
      : (given: ApiObject) => scaleOf(given, paths);
  const attributes: Attributes = {
    ...target,
    objectKind: binds ? bindingKind : paths === undefined ? kind : scaleKind,
    name: object.metadata.name,
    object: shown(object),
    old: binds || old === undefined ? undefined : shown(old),
    options: writeOptionsOf(call, old === undefined),
    dryRun,
    user: call.user,
    ...tellers(call),
  };
  return { plugins: concerned, attributes, shown };
}

const bindingKind = { group: '', version: 'v1', kind: 'Binding' } as const;
const nobody: readonly AdmissionPlugin[] = [];

function concernedBy(plugins: readonly AdmissionPlugin[], target: Target): readonly AdmissionPlugin[] {
  let concerned: AdmissionPlugin[] | undefined;
  for (const plugin of plugins) {
    if (plugin.concerns(target)) {
      concerned ??= [];
      concerned.push(plugin);
    }
  }
  return concerned ?? nobody;
}

/** A namespace counts as being in itself. */
function namespaceOf(kind: KindDefinition, { metadata }: ApiObject): string {
  if (kind.namespaced) {
    return metadata.namespace ?? '';
  }
  return kind.group === '' && kind.plural === 'namespaces' ? metadata.name : '';
}

function bindingOf(pod: ApiObject): ApiObject {
  const { name, namespace } = pod.metadata;
  const spec = isRecord(pod['spec']) ? pod['spec'] : {};
  return {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name, namespace },
    target: { kind: 'Node', name: spec['nodeName'] },
  };
}

function tellers(call: Call): Pick<Attributes, 'warn' | 'annotate'> {
  return {
    warn: (text) => void call.warnings.push(text),
    annotate: (key, value) => call.annotate?.(key, value),
  };
}

/** The query as `CreateOptions`, `UpdateOptions` or `PatchOptions`. */
function writeOptionsOf(call: Call, creates: boolean): Readonly<Record<string, unknown>> {
  const { query, verb } = call.info;
  const kind =
    creates || verb === 'create' ? 'CreateOptions' : verb === 'patch' ? 'PatchOptions' : 'UpdateOptions';
  const text = (name: string) => {
    const value = query.get(name) ?? '';
    return value === '' ? {} : { [name]: value };
  };
  const dryRun = query.getAll('dryRun').filter((value) => value !== '');
  return {
    kind,
    apiVersion: 'meta.k8s.io/v1',
    ...(dryRun.length === 0 ? {} : { dryRun }),
    ...(kind === 'PatchOptions' && query.get('force') === 'true' ? { force: true } : {}),
    ...text('fieldManager'),
    ...text('fieldValidation'),
  };
}

/** Asks the plug-ins about a deletion. Throws what they refuse with. */
export function admitDeletion(
  services: Services,
  call: Call,
  kind: KindDefinition,
  old: ApiObject,
  options: DeleteOptions,
): Maybe<void> {
  const target: Target = { operation: 'DELETE', kind, subresource: '', namespace: namespaceOf(kind, old) };
  const concerned = concernedBy(services.plugins ?? nobody, target);
  if (concerned.length === 0) {
    return undefined;
  }
  const { dryRun, preconditions, ...how } = options;
  return ask(concerned, {
    ...target,
    objectKind: kind,
    name: old.metadata.name,
    object: undefined,
    old,
    options: {
      kind: 'DeleteOptions',
      apiVersion: 'meta.k8s.io/v1',
      ...how,
      ...(Object.keys(preconditions).length === 0 ? {} : { preconditions }),
      ...(dryRun ? { dryRun: ['All'] } : {}),
    },
    dryRun,
    user: call.user,
    ...tellers(call),
  });
}

/**
 * Asks the plug-ins about a subresource that is not stored, before it is acted on: an `Eviction`, or (`CONNECT`) the options of
 * `pods/exec` and the like. Throws what they refuse with.
 */
export function admitSubresource(
  services: Services,
  call: Call,
  kind: KindDefinition,
  operation: 'CREATE' | 'CONNECT',
  object: ApiObject,
  dryRun = false,
): Maybe<void> {
  const { name, subresource } = call.info;
  const namespace = kind.namespaced ? call.info.namespace : '';
  const target: Target = { operation, kind, subresource, namespace };
  const concerned = concernedBy(services.plugins ?? nobody, target);
  if (concerned.length === 0) {
    return undefined;
  }
  const [version = '', group = ''] = (object.apiVersion ?? 'v1').split('/').reverse();
  return ask(concerned, {
    ...target,
    objectKind: { group, version, kind: object.kind ?? '' },
    name,
    object,
    old: undefined,
    options: operation === 'CREATE' ? writeOptionsOf(call, true) : {},
    dryRun,
    user: call.user,
    ...tellers(call),
  });
}

function ask(plugins: readonly AdmissionPlugin[], attributes: Attributes): Maybe<void> {
  return chain(runMutating(plugins, attributes), () => runValidating(plugins, attributes));
}
