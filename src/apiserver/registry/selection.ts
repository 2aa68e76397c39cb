/** Which objects a list or watch is about. */
import type { KindDefinition } from '#api/kind.ts';
import type { Entry } from '#store/entry.ts';
import { objectViewer } from '../crd/view.ts';
import { parseFieldSelector } from '../selectors/fields.ts';
import { parseLabelSelector } from '../selectors/labels.ts';
import type { Call } from './call.ts';
import { resourceOf } from './catalog.ts';
import { labelsOf } from './objects.ts';

/** A namespace, perhaps one name, and what labels and fields must be. */
export interface Selection {
  readonly resource: string;
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined;
  /** Set when only one object can match. */
  readonly name: string | undefined;
  /** True when there is any condition besides the namespace. */
  readonly selective: boolean;
  matches(entry: Entry): boolean;
}

/** Reads the selectors of a request. Throws PatchbayError `BadRequest` when one cannot be read. */
export function selectionOf(call: Call, kind: KindDefinition): Selection {
  const { query, namespace } = call.info;
  const labelText = query.get('labelSelector') ?? '';
  const fieldText = query.get('fieldSelector') ?? '';
  const byLabels = labelText === '' ? undefined : parseLabelSelector(labelText);
  const byFields = fieldText === '' ? undefined : parseFieldSelector(fieldText, kind);
  const view = objectViewer(kind);
  const name = /^metadata\.name==?([^,=!\\]+)$/.exec(fieldText)?.[1];
  return {
    resource: resourceOf(kind),
    namespace: kind.namespaced && namespace !== '' ? namespace : kind.namespaced ? undefined : '',
    name,
    selective: byLabels !== undefined || byFields !== undefined,
    matches: (entry) =>
      (name === undefined || entry.name === name) &&
      (byLabels?.(labelsOf(entry)) ?? true) &&
      (name !== undefined || (byFields?.(view(entry)) ?? true)),
  };
}

/** True when an entry is in the selection's place; its conditions are not looked at. */
export function isInPlace(selection: Selection, entry: Entry): boolean {
  return selection.namespace === undefined || selection.namespace === entry.namespace;
}
