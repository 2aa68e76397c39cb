/** Namespace and object selectors of webhooks and policies (apiserver `admission/plugin/webhook/predicates`). */
import type { LabelSelector } from '#api/core/label-selector.ts';
import { isEmptySelector, selects } from '#api/label-rules.ts';
import type { Store } from '#store/store.ts';
import { notFound } from '../../api-errors.ts';
import { isRecord } from '../../registry/metadata.ts';
import type { ApiObject } from '../../registry/objects.ts';
import type { Attributes } from '../plugin.ts';
import { namespaceLabels } from '../stored.ts';

/** Selectors of a webhook or policy. */
export interface Selective {
  readonly namespaceSelector?: LabelSelector | undefined;
  readonly objectSelector?: LabelSelector | undefined;
}

/** True when both selectors take the request. Throws 404 when the namespace is missing. */
export function areMet(selective: Selective, attributes: Attributes, store: Store): boolean {
  return (
    isNamespaceMet(selective.namespaceSelector, attributes, store) &&
    isObjectMet(selective.objectSelector, attributes)
  );
}

function isNamespaceMet(
  selector: LabelSelector | undefined,
  { kind, operation, subresource, namespace, object }: Attributes,
  store: Store,
): boolean {
  if (selector === undefined || isEmptySelector(selector) || namespace === '') {
    return true;
  }
  // What is being written is newer than what is stored.
  const itself = kind.group === '' && kind.plural === 'namespaces';
  if (itself && subresource === '' && (operation === 'CREATE' || operation === 'UPDATE')) {
    return selects(selector, object?.metadata.labels);
  }
  const labels = namespaceLabels(store, namespace);
  if (labels === undefined) {
    throw notFound({ group: '', plural: 'namespaces' }, namespace);
  }
  return selects(selector, labels);
}

function isObjectMet(selector: LabelSelector | undefined, { object, old }: Attributes): boolean {
  if (selector === undefined || isEmptySelector(selector)) {
    return true;
  }
  // Options of connections have no metadata, and so no labels to select by.
  const meets = (one: ApiObject | undefined) =>
    one !== undefined && isRecord(one['metadata']) && selects(selector, one.metadata.labels);
  return meets(object) || meets(old);
}
