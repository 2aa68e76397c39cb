/**
 * What kube-apiserver answers to requests about ConfigMaps, as a model that shares no code with the server: codes and reasons
 * of Kubernetes' API conventions, patches and selectors as their documents define them.
 */
import type { Random } from './random.ts';

/** What the model keeps of an object. */
export interface Item {
  readonly data: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** A request and what must be answered. */
export interface Exchange {
  readonly what: string;
  readonly method: string;
  readonly path: string;
  readonly type?: string;
  readonly body?: unknown;
  readonly code: number;
  readonly reason?: string;
  /** The object answered; undefined: not looked at. */
  readonly item?: Item | undefined;
  /** Names that are listed, in order. */
  readonly listed?: readonly string[];
  /** What is stored afterwards under a name, if it changes. */
  readonly leaves?: readonly [name: string, item: Item | undefined];
}

const base = '/api/v1/namespaces/default/configmaps';
const names = Array.from({ length: 12 }, (_, at) => `item-${at}`);
const keys = ['a', 'b', 'c'];
const values = ['x', 'y', 'z'];
const refusal = {
  400: 'BadRequest',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
};

/** A map without entries is not kept. */
const merged = (
  live: Readonly<Record<string, string>>,
  change: Readonly<Record<string, string | null>>,
): Record<string, string> =>
  Object.fromEntries(
    Object.entries({ ...live, ...change }).filter((entry): entry is [string, string] => entry[1] !== null),
  );

/** Generates exchanges and keeps what they leave behind. */
export class ConfigMapModel {
  readonly items = new Map<string, Item>();
  readonly #random: Random;
  readonly #makers: readonly (() => Exchange)[] = [
    () => this.#get(),
    () => this.#create(),
    () => this.#create(),
    () => this.#replace(),
    () => this.#mergePatch('merge-patch+json'),
    () => this.#mergePatch('strategic-merge-patch+json'),
    () => this.#jsonPatch(),
    () => this.#delete(),
    () => this.#list(),
    () => this.#list(),
    () => this.#refused(),
    () => this.#refused(),
  ];

  constructor(random: Random) {
    this.#random = random;
  }

  next(): Exchange {
    const exchange = this.#random.pick(this.#makers)();
    if (exchange.leaves !== undefined) {
      const [name, item] = exchange.leaves;
      if (item === undefined) {
        this.items.delete(name);
      } else {
        this.items.set(name, item);
      }
    }
    return exchange;
  }

  #name(): string {
    return this.#random.pick(names);
  }

  #some(): Record<string, string> {
    const chosen = keys.filter(() => this.#random.oneIn(2));
    return Object.fromEntries(chosen.map((key) => [key, this.#random.pick(values)]));
  }

  #dry(): { readonly query: string; readonly dry: boolean } {
    const dry = this.#random.oneIn(5);
    return { query: dry ? '?dryRun=All' : '', dry };
  }

  #get(): Exchange {
    const name = this.#name();
    const item = this.items.get(name);
    const found = item === undefined ? { code: 404, reason: refusal[404] } : { code: 200, item };
    return { what: 'get', method: 'GET', path: `${base}/${name}`, ...found };
  }

  #create(): Exchange {
    const name = this.#name();
    const { query, dry } = this.#dry();
    const item = { data: this.#some(), labels: this.#some() };
    const yaml = this.#random.oneIn(3);
    const object = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, labels: item.labels },
      data: item.data,
    };
    const request = {
      what: `create${dry ? ' for trial' : ''}`,
      method: 'POST',
      path: `${base}${query}`,
      type: yaml ? 'application/yaml' : 'application/json',
      body: yaml ? yamlOf(object) : object,
    };
    if (this.items.has(name)) {
      return { ...request, code: 409, reason: 'AlreadyExists' };
    }
    return { ...request, code: 201, item, ...(dry ? {} : { leaves: [name, item] }) };
  }

  #replace(): Exchange {
    const name = this.#name();
    const { query, dry } = this.#dry();
    const stale = this.#random.oneIn(4);
    const item = { data: this.#some(), labels: this.#some() };
    const request = {
      what: `replace${stale ? ' what is stale' : ''}${dry ? ' for trial' : ''}`,
      method: 'PUT',
      path: `${base}/${name}${query}`,
      body: {
        metadata: { name, labels: item.labels, ...(stale ? { resourceVersion: '1' } : {}) },
        data: item.data,
      },
    };
    if (!this.items.has(name)) {
      return { ...request, code: 404, reason: refusal[404] };
    }
    return stale
      ? { ...request, code: 409, reason: 'Conflict' }
      : { ...request, code: 200, item, ...(dry ? {} : { leaves: [name, item] }) };
  }

  #mergePatch(type: string): Exchange {
    const name = this.#name();
    const { query, dry } = this.#dry();
    const change = (): Record<string, string | null> => ({
      ...this.#some(),
      ...Object.fromEntries(keys.filter(() => this.#random.oneIn(4)).map((key) => [key, null])),
    });
    const [data, labels] = [change(), change()];
    const request = {
      what: `${type}${dry ? ' for trial' : ''}`,
      method: 'PATCH',
      path: `${base}/${name}${query}`,
      type: `application/${type}`,
      body: { data, metadata: { labels } },
    };
    const live = this.items.get(name);
    if (live === undefined) {
      return { ...request, code: 404, reason: refusal[404] };
    }
    const item = { data: merged(live.data, data), labels: merged(live.labels, labels) };
    return { ...request, code: 200, item, ...(dry ? {} : { leaves: [name, item] }) };
  }

  #jsonPatch(): Exchange {
    const name = this.#name();
    const key = this.#random.pick(keys);
    const op = this.#random.pick(['add', 'replace', 'remove', 'test'] as const);
    const value = this.#random.pick(values);
    const path = `/metadata/labels/${key}`;
    const request = {
      what: `JSON patch, ${op}`,
      method: 'PATCH',
      path: `${base}/${name}`,
      type: 'application/json-patch+json',
      body: [op === 'remove' ? { op, path } : { op, path, value }],
    };
    const live = this.items.get(name);
    if (live === undefined) {
      return { ...request, code: 404, reason: refusal[404] };
    }
    const parent = Object.keys(live.labels).length > 0;
    const there = key in live.labels;
    const works = op === 'add' ? parent : op === 'test' ? live.labels[key] === value : there;
    if (!works) {
      return { ...request, code: 422, reason: refusal[422] };
    }
    const labels =
      op === 'test' ? live.labels : merged(live.labels, { [key]: op === 'remove' ? null : value });
    const item = { ...live, labels };
    return { ...request, code: 200, item, leaves: [name, item] };
  }

  #delete(): Exchange {
    const name = this.#name();
    const { query, dry } = this.#dry();
    const wrongUid = this.#random.oneIn(5);
    const request = {
      what: `delete${wrongUid ? ' another uid' : ''}${dry ? ' for trial' : ''}`,
      method: 'DELETE',
      path: `${base}/${name}${query}`,
      ...(wrongUid ? { body: { preconditions: { uid: 'e5cd5a0f-0000-0000-0000-000000000000' } } } : {}),
    };
    if (!this.items.has(name)) {
      return { ...request, code: 404, reason: refusal[404] };
    }
    return wrongUid
      ? { ...request, code: 409, reason: 'Conflict' }
      : { ...request, code: 200, ...(dry ? {} : { leaves: [name, undefined] }) };
  }

  #list(): Exchange {
    const key = this.#random.pick(keys);
    const value = this.#random.pick(values);
    const other = this.#random.pick(values);
    const has = (item: Item): string | undefined => item.labels[key];
    const [selector, matches] = this.#random.pick<readonly [string, (item: Item) => boolean]>([
      [`${key}=${value}`, (item) => has(item) === value],
      [`${key}==${value}`, (item) => has(item) === value],
      [`${key}!=${value}`, (item) => has(item) !== value],
      [`${key} in (${value},${other})`, (item) => has(item) === value || has(item) === other],
      [`${key} notin (${value}, ${other})`, (item) => has(item) !== value && has(item) !== other],
      [key, (item) => has(item) !== undefined],
      [`!${key}`, (item) => has(item) === undefined],
      [`${key},${key}!=${value}`, (item) => has(item) !== undefined && has(item) !== value],
      ['', () => true],
    ]);
    const listed = [...this.items].filter(([, item]) => matches(item)).map(([name]) => name);
    return {
      what: `list ${selector}`,
      method: 'GET',
      path: `${base}?labelSelector=${encodeURIComponent(selector)}`,
      code: 200,
      listed: listed.sort(),
    };
  }

  #refused(): Exchange {
    const { what, ...request } = this.#random.pick(refusals);
    return { what: `refused: ${what}`, ...request, reason: request.reason ?? refusal[request.code as 400] };
  }
}

function yamlOf(object: {
  readonly metadata: { readonly name: string; readonly labels: object };
  readonly data: object;
}): string {
  const map = (indent: string, entries: object): string =>
    Object.keys(entries).length === 0
      ? ' {}'
      : Object.entries(entries)
          .map(([key, value]) => `\n${indent}${key}: "${value}"`)
          .join('');
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${object.metadata.name}\n  labels:${map('    ', object.metadata.labels)}\ndata:${map('  ', object.data)}\n`;
}

const good = { metadata: { name: 'refused' } };
const post = (
  what: string,
  code: number,
  body: unknown,
  type = 'application/json',
  query = '',
): Exchange => ({
  what,
  method: 'POST',
  path: `${base}${query}`,
  type,
  body,
  code,
});
const patch = (what: string, code: number, type: string, body: unknown, query = ''): Exchange => ({
  what,
  method: 'PATCH',
  path: `${base}/kube-root-ca.crt-none${query}`,
  type,
  body,
  code,
});
const get = (what: string, code: number, query: string, reason?: string): Exchange => ({
  what,
  method: 'GET',
  path: `${base}${query}`,
  code,
  ...(reason === undefined ? {} : { reason }),
});

/** Requests that are refused whatever is stored. */
const refusals: readonly Exchange[] = [
  post('no JSON', 400, '{"metadata":'),
  post('JSON and more', 400, '{"metadata":{"name":"refused"}} x'),
  post('no YAML', 400, 'a: b: c: [', 'application/yaml'),
  post('a list', 400, '[]'),
  post('another kind', 400, { ...good, apiVersion: 'v1', kind: 'Secret' }),
  post('data that is a number', 400, { ...good, data: { a: 1 } }),
  post('data that is a list', 400, { ...good, data: [] }),
  post('labels that are a word', 400, { metadata: { name: 'refused', labels: 'x' } }),
  post('text', 415, 'x', 'text/plain'),
  post('XML', 415, '<a/>', 'application/xml'),
  post('a name in capitals', 422, { metadata: { name: 'Refused' } }),
  post('no name', 422, { metadata: {} }),
  post('a label that is none', 422, { metadata: { name: 'refused', labels: { 'a b': 'x' } } }),
  post('a key that is none', 422, { ...good, data: { 'a b': 'x' } }),
  post('another namespace', 400, { metadata: { name: 'refused', namespace: 'other' } }),
  post('an unknown field', 400, { ...good, what: 1 }, 'application/json', '?fieldValidation=Strict'),
  post(
    'a key twice',
    400,
    '{"metadata":{"name":"refused"},"data":{"a":"1","a":"2"}}',
    'application/json',
    '?fieldValidation=Strict',
  ),
  post('unknown strictness', 422, good, 'application/json', '?fieldValidation=Sometimes'),
  post('half a trial', 422, good, 'application/json', '?dryRun=Some'),
  patch('patch of text', 415, 'text/plain', 'x'),
  patch('plain JSON as a patch', 415, 'application/json', {}),
  patch('apply without a manager', 422, 'application/apply-patch+yaml', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
  }),
  patch('merge patch with force', 422, 'application/merge-patch+json', {}, '?force=true'),
  get('a selector that is none', 400, '?labelSelector=a%20in%20('),
  get('a field that is none', 400, '?fieldSelector=data.a%3Db'),
  get('a version that is none', 400, '?resourceVersion=x'),
  get('a version from the future', 504, '?resourceVersion=900000000000', 'Timeout'),
  get('a match without a version', 422, '?resourceVersionMatch=Exact'),
  { what: 'delete of the unknown', method: 'DELETE', path: `${base}/none`, code: 404 },
  {
    what: 'an unknown resource',
    method: 'GET',
    path: '/api/v1/namespaces/default/widgets',
    code: 404,
    reason: '',
  },
  { what: 'post to an item', method: 'POST', path: `${base}/item-0`, body: good, code: 405 },
  {
    what: 'patch of a collection',
    method: 'PATCH',
    path: base,
    type: 'application/merge-patch+json',
    body: {},
    code: 405,
  },
  { what: 'put to a collection', method: 'PUT', path: base, body: good, code: 405 },
];
