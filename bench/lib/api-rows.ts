/** What the API server is asked in its benchmark: objects, requests, and the figures that are wanted. */
import type { Client, Loop } from './http-load.ts';

/** One row. */
export interface Row extends Loop {
  readonly name: string;
  /** Requests per second that are wanted: twice (creates) or as much as kube-apiserver 1.36 with etcd 3.5 does on two cores. */
  readonly goal: number;
}

const group = 'bench.example.com';
const payload = 'abcdefghijklmnopqrstuvwxyz0123456789'.repeat(15).slice(0, 512);
const deletions = 2000;
const apply = { 'content-type': 'application/apply-patch+yaml' };

function configMap(name: string, value: string): object {
  const labels = { app: 'bench', bucket: `b${name.charCodeAt(name.length - 1) % 10}` };
  const data = { payload, key1: value, key2: 'value2' };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels }, data };
}

/** Path of ConfigMaps, or of one. */
export function configMaps(namespace: string, name?: string): string {
  return `/api/v1/namespaces/${namespace}/configmaps${name === undefined ? '' : `/${name}`}`;
}

/** As many fields, levels and bytes (540 as JSON) as the object with which the goals were measured. */
function appliance(kind: string, name: string, at: number): object {
  return {
    apiVersion: `${group}/v1`,
    kind,
    metadata: { name, labels: { app: 'bench' } },
    spec: {
      source: 'registry.example/app:1.2.3',
      replicas: 1 + (at % 50),
      policy: 'always',
      tags: { tier: 'web', zone: 'a' },
      endpoints: [
        { name: 'http', port: 80 },
        { name: 'https', port: 443, protocol: 'TCP' },
      ],
      unit: {
        settings: [
          { name: 'A', value: '1' },
          { name: 'B', value: payload.slice(0, 128) },
        ],
        more: { any: ['thing', 1, true] },
      },
    },
  };
}

const text = (more: object = {}): object => ({ type: 'string', ...more });
const whole = (more: object = {}): object => ({ type: 'integer', format: 'int32', ...more });

const endpoint = {
  type: 'object',
  required: ['name', 'port'],
  properties: {
    name: text({ maxLength: 15 }),
    port: whole({ minimum: 1, maximum: 65_535 }),
    protocol: text({ default: 'TCP', enum: ['TCP', 'UDP'] }),
  },
};

const unit = {
  type: 'object',
  properties: {
    settings: {
      type: 'array',
      maxItems: 64,
      items: { type: 'object', properties: { name: text(), value: text() } },
    },
    more: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  },
};

const specProperties = {
  source: text({ minLength: 1, maxLength: 253, pattern: '^[a-z0-9./:-]+$' }),
  replicas: whole({ minimum: 1, maximum: 100 }),
  limit: whole({ default: 100 }),
  policy: text({ enum: ['never', 'once', 'always'] }),
  paused: { type: 'boolean', default: false },
  tags: { type: 'object', additionalProperties: text({ maxLength: 63 }) },
  endpoints: {
    type: 'array',
    maxItems: 32,
    default: [],
    items: endpoint,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
  },
  unit,
};

const celRules = [
  { rule: 'self.replicas <= self.limit', message: 'more replicas than the limit' },
  { rule: "self.policy != 'never' || self.endpoints.size() == 0" },
];

/** A definition with bounds, a pattern, defaults, a map, a keyed list and free content, and CEL rules when wanted. */
function definition(kind: string, withRules: boolean): object {
  const plural = `${kind.toLowerCase()}s`;
  const spec = {
    type: 'object',
    required: ['source', 'replicas', 'policy'],
    ...(withRules ? { 'x-kubernetes-validations': celRules } : {}),
    properties: specProperties,
  };
  const status = { type: 'object', properties: { phase: text(), ready: { type: 'integer' } } };
  const version = {
    name: 'v1',
    served: true,
    storage: true,
    subresources: { status: {} },
    schema: { openAPIV3Schema: { type: 'object', required: ['spec'], properties: { spec, status } } },
    additionalPrinterColumns: [{ name: 'Policy', type: 'string', jsonPath: '.spec.policy' }],
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [version],
    },
  };
}

/** Makes what the rows need: namespaces, definitions, objects to read and change. */
export async function prepare(client: Client): Promise<void> {
  const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  await client.expect('POST', definitions, definition('Appliance', false));
  await client.expect('POST', definitions, definition('CelAppliance', true));
  for (const name of ['bench', 'delete', 'list', 'watch']) {
    await client.expect('POST', '/api/v1/namespaces', { metadata: { name } });
  }
  await fill(client, 'bench', 64);
  await fill(client, 'delete', deletions);
}

/** Creates ConfigMaps `cm-0`, `cm-1`, … */
export async function fill(client: Client, namespace: string, count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, (_, at) =>
      client.expect('POST', configMaps(namespace), configMap(`cm-${at}`, 'v')),
    ),
  );
}

function createRow(kind: 'configmap' | 'Appliance' | 'CelAppliance', connections: number, goal: number): Row {
  const custom = `/apis/${group}/v1/namespaces/bench/${kind.toLowerCase()}s`;
  return {
    name: `create ${kind}`,
    connections,
    code: 201,
    goal,
    ask: (client, at) => {
      const name = `c${connections}-${at}`;
      return kind === 'configmap'
        ? client.request('POST', configMaps('bench'), configMap(name, 'v'))
        : client.request('POST', custom, appliance(kind, name, at));
    },
  };
}

/** One request of a client to its own object, so that there are no conflicts. */
function ownRow(name: string, connections: number, goal: number, ask: Row['ask']): Row {
  return { name, connections, goal, code: 200, ask };
}

/** All rows. The goals are what {@link Row.goal} says. */
export const rows: readonly Row[] = [
  createRow('configmap', 1, 1308),
  createRow('configmap', 8, 3190),
  createRow('configmap', 32, 4032),
  createRow('Appliance', 1, 858),
  createRow('Appliance', 8, 1618),
  createRow('Appliance', 32, 1800),
  createRow('CelAppliance', 1, 818),
  createRow('CelAppliance', 8, 1482),
  createRow('CelAppliance', 32, 1662),
  ownRow('get', 8, 2794, (client, at) => client.request('GET', configMaps('bench', `cm-${at % 64}`))),
  ownRow('put', 8, 1068, (client, at, worker) =>
    client.request('PUT', configMaps('bench', `cm-${worker}`), configMap(`cm-${worker}`, `v${at}`)),
  ),
  ownRow('merge patch', 8, 1025, (client, at, worker) =>
    client.request(
      'PATCH',
      configMaps('bench', `cm-${worker}`),
      { data: { key1: `m${at}` } },
      {
        'content-type': 'application/merge-patch+json',
      },
    ),
  ),
  ownRow('server-side apply', 8, 1037, (client, at, worker) => {
    const path = `${configMaps('bench', `cm-${worker}`)}?fieldManager=bench&force=true`;
    return client.request('PATCH', path, configMap(`cm-${worker}`, `a${at}`), apply);
  }),
  {
    name: 'delete',
    connections: 8,
    code: 200,
    goal: 1328,
    ask: (client, at) => client.request('DELETE', configMaps('delete', `cm-${at}`)),
    limit: deletions,
  },
];
