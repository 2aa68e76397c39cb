import type { KindDefinition } from '#api/kind.ts';
import { qualified } from '../api-errors.ts';
import { componentName, gvk, type Json } from './components.ts';

/** Where a kind's objects are served. */
export function basePath(kind: Pick<KindDefinition, 'group' | 'version'>): string {
  return kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
}

/** Media types of the patches a kind takes. */
function patchTypes(kind: Pick<KindDefinition, 'builtin'>): readonly string[] {
  const strategic = kind.builtin ? ['application/strategic-merge-patch+json'] : [];
  return [
    'application/apply-patch+yaml',
    'application/json-patch+json',
    'application/merge-patch+json',
    ...strategic,
  ];
}

/** One operation, in the words that both versions of OpenAPI share. */
export interface Operation {
  readonly path: string;
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  readonly action: string;
  readonly id: string;
  readonly description: string;
  readonly query: readonly string[];
  readonly pathParameters: readonly string[];
  /** Component of the request's body. */
  readonly body?: string;
  readonly bodyTypes: readonly string[];
  /** Component of the answer. */
  readonly answer: string;
  readonly gvk: Json;
}

/** Query parameters, by name: type and description. */
export const QUERY: Readonly<
  Record<string, readonly [type: 'string' | 'integer' | 'boolean', description: string]>
> = {
  pretty: ['string', "If 'true', then the output is pretty printed."],
  dryRun: [
    'string',
    'When present, indicates that modifications should not be persisted; only "All" is valid.',
  ],
  fieldManager: ['string', 'A name associated with the actor or entity that is making these changes.'],
  fieldValidation: ['string', 'How unknown and duplicate fields are handled: Ignore, Warn or Strict.'],
  force: ['boolean', 'Force is going to "force" Apply requests: it takes fields owned by other managers.'],
  allowWatchBookmarks: ['boolean', 'Requests watch events with type "BOOKMARK".'],
  continue: ['string', 'Where to go on, as the last list answered.'],
  fieldSelector: ['string', 'Restricts the list of returned objects by their fields.'],
  labelSelector: ['string', 'Restricts the list of returned objects by their labels.'],
  limit: ['integer', 'The maximum number of responses to return for a list call.'],
  resourceVersion: ['string', 'A constraint on what resource versions a request may be served from.'],
  resourceVersionMatch: ['string', 'How resourceVersion is applied to list calls.'],
  sendInitialEvents: ['boolean', 'Begins a watch with synthetic events for the current state.'],
  timeoutSeconds: ['integer', 'Timeout for the list or watch call.'],
  watch: ['boolean', 'Watch for changes and return them as a stream of notifications.'],
  gracePeriodSeconds: ['integer', 'The duration in seconds before the object should be deleted.'],
  propagationPolicy: ['string', 'Whether and how garbage collection will be performed.'],
};

const LIST = [
  'pretty',
  'allowWatchBookmarks',
  'continue',
  'fieldSelector',
  'labelSelector',
  'limit',
  'resourceVersion',
  'resourceVersionMatch',
  'sendInitialEvents',
  'timeoutSeconds',
  'watch',
];
const WRITE = ['pretty', 'dryRun', 'fieldManager', 'fieldValidation'];
const DELETE = ['pretty', 'dryRun', 'gracePeriodSeconds', 'propagationPolicy'];

const JSON_TYPES = ['application/json', 'application/yaml'];
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';

/** Every operation on a kind. */
export function operationsOf(kind: KindDefinition): Operation[] {
  const base = basePath(kind);
  const scope = kind.namespaced ? `${base}/namespaces/{namespace}` : base;
  const spaceParameters = kind.namespaced ? ['namespace'] : [];
  const collection = { ...common(kind, spaceParameters), path: `${scope}/${kind.plural}` };
  const item = { ...common(kind, [...spaceParameters, 'name']), path: `${scope}/${kind.plural}/{name}` };
  const name = componentName(kind);
  const drafts: Draft[] = [
    { ...collection, method: 'get', action: 'list', id: 'list', query: LIST, answer: `${name}List` },
    { ...collection, method: 'post', action: 'post', id: 'create', query: WRITE, body: name },
    {
      ...collection,
      method: 'delete',
      action: 'deletecollection',
      id: 'deleteCollection',
      query: LIST,
      answer: `${META}.Status`,
    },
    ...itemOperations(kind, item, name),
    {
      ...item,
      method: 'delete',
      action: 'delete',
      id: 'delete',
      query: DELETE,
      body: `${META}.DeleteOptions`,
      answer: `${META}.Status`,
    },
    ...subresources(kind, item, name),
    ...(kind.namespaced ? [everywhere(kind, base, name)] : []),
  ];
  return drafts.map((draft) => named(kind, draft));
}

type Draft = Omit<Operation, 'description'>;
type Common = Omit<Draft, 'method' | 'action' | 'query' | 'id'>;

function common(kind: KindDefinition, pathParameters: readonly string[]): Omit<Common, 'path'> {
  return { pathParameters, bodyTypes: JSON_TYPES, answer: componentName(kind), gvk: gvk(kind) };
}

function itemOperations(kind: KindDefinition, item: Common, name: string, suffix = ''): Draft[] {
  return [
    { ...item, method: 'get', action: 'get', id: `read${suffix}`, query: ['pretty'], answer: name },
    { ...item, method: 'put', action: 'put', id: `replace${suffix}`, query: WRITE, body: name, answer: name },
    {
      ...item,
      method: 'patch',
      action: 'patch',
      id: `patch${suffix}`,
      query: [...WRITE, 'force'],
      body: `${META}.Patch`,
      bodyTypes: patchTypes(kind),
      answer: name,
    },
  ];
}

function subresources(kind: KindDefinition, item: Common, name: string): Draft[] {
  const status = { ...item, path: `${item.path}/status` };
  const scale = {
    ...item,
    path: `${item.path}/scale`,
    gvk: { group: 'autoscaling', kind: 'Scale', version: 'v1' },
  };
  const resize = { ...item, path: `${item.path}/resize` };
  return [
    ...(qualified(kind) === 'pods' ? itemOperations(kind, resize, name, 'Resize') : []),
    ...(kind.subresources?.status === true ? itemOperations(kind, status, name, 'Status') : []),
    ...(kind.subresources?.scale === undefined
      ? []
      : itemOperations(kind, scale, 'io.k8s.api.autoscaling.v1.Scale', 'Scale')),
  ];
}

function everywhere(kind: KindDefinition, base: string, name: string): Draft {
  return {
    ...common(kind, []),
    path: `${base}/${kind.plural}`,
    method: 'get',
    action: 'list',
    id: 'listAll',
    query: LIST,
    answer: `${name}List`,
  };
}

/** Ids must differ within a document: `readCoreV1NamespacedPodStatus`. */
function named(kind: KindDefinition, operation: Draft): Operation {
  const group = kind.group === '' ? 'Core' : kind.group.split('.').map(capital).join('');
  const [, verb = operation.id, suffix = ''] = /^(.*?)(Resize|Status|Scale)?$/.exec(operation.id) ?? [];
  const space = kind.namespaced && operation.id !== 'listAll' ? 'Namespaced' : '';
  const what =
    suffix === '' ? `objects of kind ${kind.kind}` : `${suffix.toLowerCase()} of the specified ${kind.kind}`;
  return {
    ...operation,
    id: `${verb === 'listAll' ? 'list' : verb}${group}${capital(kind.version)}${space}${kind.kind}${suffix}${verb === 'listAll' ? 'ForAllNamespaces' : ''}`,
    description: `${operation.action} ${what}`,
  };
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
