import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Fixture, startFixture, type WatchLine } from './apiserver-fixture.ts';

let server: Fixture;
const base = '/api/v1/namespaces/default/configmaps';
const create = (name: string, labels: Record<string, string> = {}, data: Record<string, string> = {}) =>
  server.request('POST', base, {
    body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels }, data },
  });
const patch = (name: string, body: unknown) =>
  server.request('PATCH', `${base}/${name}`, { type: 'application/merge-patch+json', body });

interface List {
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly items: readonly { readonly metadata: { readonly name: string } }[];
}
const list = async (query: string) =>
  (await server.request('GET', `${base}?${query}`)).body as unknown as List;
const names = (page: List) => page.items.map((item) => item.metadata.name);

beforeAll(async () => {
  server = await startFixture();
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    await create(name, { odd: String(name === 'a' || name === 'c' || name === 'e') }, { name });
  }
});
afterAll(() => server.close());

describe('lists', () => {
  test('in pages show one moment, whatever is written meanwhile', async () => {
    const first = await list('limit=2');
    expect([names(first), first.metadata.remainingItemCount]).toEqual([['a', 'b'], 3]);
    await create('bb');
    await server.request('DELETE', `${base}/bb`);
    await server.request('DELETE', `${base}/d`);
    const second = await list(`limit=2&continue=${first.metadata.continue}`);
    expect([names(second), second.metadata.resourceVersion]).toEqual([
      ['c', 'd'],
      first.metadata.resourceVersion,
    ]);
    const third = await list(`limit=2&continue=${second.metadata.continue}`);
    expect([names(third), third.metadata.continue]).toEqual([['e'], undefined]);
    await create('d', { odd: 'false' });
  });

  test.each([
    ['labelSelector=odd%3Dtrue', ['a', 'c', 'e']],
    ['labelSelector=odd%20notin%20(true)', ['b', 'd']],
    ['fieldSelector=metadata.name%3Dc', ['c']],
    ['fieldSelector=metadata.name!%3Dc&labelSelector=odd%3Dtrue', ['a', 'e']],
    ['limit=1&labelSelector=odd%3Dtrue', ['a']],
  ])('select by %s', async (query, wanted) => {
    expect(names(await list(query))).toEqual(wanted);
  });

  test.each([
    ['resourceVersion=99999999', 504, 'Too large resource version'],
    ['resourceVersion=nonsense', 400, 'invalid syntax'],
    [
      'resourceVersionMatch=Exact',
      422,
      'resourceVersionMatch is forbidden unless resourceVersion is provided',
    ],
    ['resourceVersion=1&resourceVersionMatch=Perhaps', 422, 'Unsupported value: "Perhaps"'],
    ['continue=nonsense', 400, 'continue key is not valid'],
    ['limit=-1', 422, 'must be greater than or equal to 0'],
    ['labelSelector=app%3D(', 400, "unable to parse requirement: found '(', expected: identifier"],
    ['fieldSelector=metadata.nonsense%3Da', 400, 'is not a known field selector'],
  ])('refuse %s', async (query, code, message) => {
    const answer = await server.request('GET', `${base}?${query}`);
    expect([answer.code, answer.body['message']]).toEqual([code, expect.stringContaining(message)]);
  });

  test('of a past version are exact, and 410 once it is compacted', async () => {
    const before = await list('');
    await create('later');
    const past = await list(`resourceVersion=${before.metadata.resourceVersion}&resourceVersionMatch=Exact`);
    expect(names(past)).toEqual(names(before));
    await server.request('DELETE', `${base}/later`);
  });

  test('come as tables and as metadata only', async () => {
    const table = await server.request('GET', base, {
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' },
    });
    expect(table.body).toMatchObject({
      kind: 'Table',
      columnDefinitions: [{ name: 'Name' }, { name: 'Data' }, { name: 'Age' }],
    });
    const partial = await server.request('GET', base, {
      headers: { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' },
    });
    expect(partial.body).toMatchObject({ kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1' });
    expect(partial.text).not.toContain('"data"');
    const protobuf = await server.request('GET', base, {
      headers: { accept: 'application/vnd.kubernetes.protobuf' },
    });
    expect([protobuf.code, protobuf.body['reason']]).toEqual([406, 'NotAcceptable']);
    const either = await server.request('GET', base, {
      headers: { accept: 'application/vnd.kubernetes.protobuf,application/json' },
    });
    expect(either.body['kind']).toBe('ConfigMapList');
  });

  test('are compressed when they are big and the client takes it', async () => {
    await create('big', {}, { text: 'x'.repeat(200_000) });
    const encodings = ['identity', 'gzip'].map(async (encoding) => {
      const answer = await server.request('GET', `${base}/big`, { headers: { 'accept-encoding': encoding } });
      return answer.headers['content-encoding'];
    });
    expect(await Promise.all(encodings)).toEqual([undefined, 'gzip']);
    await server.request('DELETE', `${base}/big`);
  });
});

const type = ({ type: kind, object }: WatchLine) => `${kind} ${object.metadata.name ?? ''}`;

describe('long lists', () => {
  const all = Array.from({ length: 700 }, (_, at) => `m-${String(at).padStart(3, '0')}`);
  const place = '/api/v1/namespaces/long/configmaps';
  const data = { text: 'grüße '.repeat(200) };

  beforeAll(async () => {
    await server.request('POST', '/api/v1/namespaces', { body: { metadata: { name: 'long' } } });
    await Promise.all(
      all.map((name) => server.request('POST', place, { body: { metadata: { name }, data } })),
    );
  });

  test('arrive whole in every form, over both protocols', async () => {
    const plain = await server.request('GET', place);
    const items = plain.body['items'] as readonly { readonly data: unknown }[];
    expect([names(plain.body as unknown as List), items.at(-1)?.data]).toEqual([all, data]);
    const accept = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';
    const partial = await server.request('GET', place, { headers: { accept } });
    expect(names(partial.body as unknown as List)).toEqual(all);
    const yaml = await server.request('GET', place, { headers: { accept: 'application/yaml' } });
    expect(yaml.text.match(/name: m-/g)?.length).toBe(all.length);
    // kubectl takes gzip and speaks HTTP/2.
    const { code, out } = await server.kubectl(
      'get',
      'configmaps',
      '-n',
      'long',
      '-o',
      'name',
      '--chunk-size=0',
    );
    expect([code, out.trim().split('\n').length]).toEqual([0, all.length]);
  });

  test('of what was deleted tell of everything', async () => {
    const gone = await server.request('DELETE', place);
    expect([gone.code, names(gone.body as unknown as List)]).toEqual([200, all]);
    expect(names((await server.request('GET', place)).body as unknown as List)).toEqual([]);
  });
});

describe('watches', () => {
  test('begin with what is there, mark where it ends, and go on without a gap', async () => {
    const watching = server.watch(
      `${base}?watch=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=20`,
      (events) => {
        if (events.at(-1)?.type === 'BOOKMARK') {
          void create('new');
        }
        return events.at(-1)?.object.metadata.name === 'new';
      },
    );
    const events = await watching;
    expect(events.map(type)).toEqual([
      'ADDED a',
      'ADDED b',
      'ADDED c',
      'ADDED d',
      'ADDED e',
      'BOOKMARK ',
      'ADDED new',
    ]);
    expect(events[5]?.object.metadata).toMatchObject({
      annotations: { 'k8s.io/initial-events-end': 'true' },
    });
    await server.request('DELETE', `${base}/new`);
  });

  test('with a selector turn changes into arrivals and departures, also from the past and after a restart', async () => {
    const from = (await list('')).metadata.resourceVersion;
    await create('s', { in: 'no' });
    await patch('s', { metadata: { labels: { in: 'yes' } } });
    await patch('s', { data: { x: '1' } });
    const left = await patch('s', { metadata: { labels: { in: 'no' } } });
    await patch('s', { metadata: { labels: { in: 'yes' } } });
    await server.request('DELETE', `${base}/s`);
    const path = `${base}?watch=1&labelSelector=in%3Dyes&resourceVersion=${from}&timeoutSeconds=20`;
    const wanted = ['ADDED s', 'MODIFIED s', 'DELETED s', 'ADDED s', 'DELETED s'];
    const enough = (events: readonly WatchLine[]) => events.length >= wanted.length;
    const events = await server.watch(path, enough);
    expect(events.map(type)).toEqual(wanted);
    expect(events[2]?.object).toMatchObject({
      metadata: {
        labels: { in: 'yes' },
        resourceVersion: (left.body['metadata'] as Record<string, string>)['resourceVersion'],
      },
    });
    await server.restart();
    expect(await server.watch(path, enough)).toEqual(events);
  });

  test('of many watchers see every write once and in order', async () => {
    const from = (await list('')).metadata.resourceVersion;
    const count = 200;
    const path = `${base}?watch=1&resourceVersion=${from}&timeoutSeconds=30`;
    const watchers = Array.from({ length: 10 }, () => server.watch(path, (events) => events.length >= count));
    await Promise.all(Array.from({ length: count }, (_, i) => create(`many-${i}`)));
    const seen = await Promise.all(watchers);
    for (const events of seen) {
      const versions = events.map((event) => Number(event.object.metadata.resourceVersion));
      expect(versions).toEqual(versions.toSorted((a, b) => a - b));
      expect(new Set(events.map(type)).size).toBe(count);
    }
    await server.request('DELETE', base);
  });

  test('end when the client said so, with a last bookmark', async () => {
    const events = await server.watch(
      `${base}?watch=1&timeoutSeconds=1&allowWatchBookmarks=true&resourceVersion=1`,
      () => false,
    );
    expect(events.at(-1)?.type).toBe('BOOKMARK');
  });
});
