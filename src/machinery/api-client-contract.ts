/** What every `ApiClient` and the server behind it must do. The fake and the real ones run the same cases. */
import { configMap } from '#api/core/config-map.ts';
import { type Pod, pod } from '#api/core/pod.ts';
import type { KubeObject } from '#api/meta.ts';
import type { ApiClient, WatchEvent } from './api-client.ts';
import { ApiError } from './errors.ts';

/** One promise of the contract. `run` throws when it is broken; `namespace` exists and is empty. */
export interface ContractCase {
  readonly name: string;
  run(client: ApiClient, namespace: string): Promise<void>;
}

/** The promises, in order. */
export const apiClientContract: readonly ContractCase[] = [
  {
    name: 'gives a created object a uid, a version and a time',
    async run(client, namespace) {
      const { metadata } = await client.create(configMap, {
        metadata: { name: 'a', namespace },
        data: { x: '1' },
      });
      for (const field of ['uid', 'resourceVersion', 'creationTimestamp'] as const) {
        expect(typeof metadata[field] === 'string' && metadata[field] !== '', `metadata.${field} is set`);
      }
    },
  },
  {
    name: 'makes a name from generateName',
    async run(client, namespace) {
      const made = await client.create(configMap, {
        metadata: { name: '', generateName: 'gen-', namespace },
      });
      expect(/^gen-.{5}$/.test(made.metadata.name), `${made.metadata.name} starts with gen-`);
    },
  },
  {
    name: 'refuses a second object of one name with 409 AlreadyExists',
    async run(client, namespace) {
      await client.create(configMap, { metadata: { name: 'a', namespace } });
      const error = await refusalOf(client.create(configMap, { metadata: { name: 'a', namespace } }));
      expect(error.code === 409 && error.reason === 'AlreadyExists', `${error.code} ${error.reason}`);
    },
  },
  {
    name: 'answers 404 NotFound for what is not there',
    async run(client, namespace) {
      for (const attempt of [
        client.get(configMap, { name: 'none', namespace }),
        client.delete(configMap, { name: 'none', namespace }),
        client.patch(configMap, { name: 'none', namespace }, { type: 'merge', body: {} }),
      ]) {
        const error = await refusalOf(attempt);
        expect(error.code === 404 && error.reason === 'NotFound', `${error.code} ${error.reason}`);
      }
    },
  },
  {
    name: 'refuses an update of an old version with 409 Conflict, and takes one of the last',
    async run(client, namespace) {
      const first = await client.create(configMap, { metadata: { name: 'a', namespace }, data: { x: '1' } });
      const second = await client.update(configMap, { ...first, data: { x: '2' } });
      const error = await refusalOf(client.update(configMap, { ...first, data: { x: '3' } }));
      expect(error.code === 409 && error.reason === 'Conflict', `${error.code} ${error.reason}`);
      expect(second.metadata.resourceVersion !== first.metadata.resourceVersion, 'the version moved');
    },
  },
  {
    name: 'merges a patch, null removing a field, and leaves the version alone when nothing changes',
    async run(client, namespace) {
      const key = { name: 'a', namespace };
      await client.create(configMap, { metadata: key, data: { x: '1', y: '2' } });
      const body = { data: { x: null, z: '3' } };
      const patched = await client.patch(configMap, key, { type: 'merge', body });
      expect(
        JSON.stringify(Object.entries(patched.data ?? {}).sort()) === '[["y","2"],["z","3"]]',
        'the data is merged',
      );
      const again = await client.patch(configMap, key, { type: 'merge', body });
      expect(
        again.metadata.resourceVersion === patched.metadata.resourceVersion,
        'the second pass writes nothing',
      );
    },
  },
  {
    name: 'keeps status and spec apart',
    async run(client, namespace) {
      const key = { name: 'p', namespace };
      await client.create(pod, podNamed('p', namespace));
      const status = { phase: 'Running' as const };
      const viaMain = await client.patch(pod, key, { type: 'merge', body: { status } });
      expect(viaMain.status?.phase !== 'Running', 'the main resource does not take status');
      const viaStatus = await client.patch(
        pod,
        key,
        {
          type: 'merge',
          body: { status, metadata: { labels: { told: 'yes' }, annotations: { told: 'yes' } } },
        },
        { subresource: 'status' },
      );
      expect(viaStatus.status?.phase === 'Running', 'the subresource takes status');
      expect(viaStatus.metadata.labels?.['told'] === 'yes', 'and labels with it');
      expect(viaStatus.metadata.annotations?.['told'] === 'yes', 'and annotations with it');
    },
  },
  {
    name: 'binds a pod once',
    async run(client, namespace) {
      await client.create(pod, podNamed('p', namespace));
      await client.create(bindingKind, binding('p', namespace, 'node1'), { subresource: 'binding' });
      const bound = await client.get(pod, { name: 'p', namespace });
      expect(bound.spec.nodeName === 'node1', 'spec.nodeName is set');
      const error = await refusalOf(
        client.create(bindingKind, binding('p', namespace, 'node2'), { subresource: 'binding' }),
      );
      expect(error.code === 409, `${error.code}`);
    },
  },
  {
    name: 'keeps an object with finalizers until the last is gone',
    async run(client, namespace) {
      const key = { name: 'a', namespace };
      await client.create(configMap, { metadata: { ...key, finalizers: ['example.com/hold'] } });
      await client.delete(configMap, key);
      const held = await client.get(configMap, key);
      expect(held.metadata.deletionTimestamp !== undefined, 'deletionTimestamp is set');
      await client.patch(configMap, key, { type: 'merge', body: { metadata: { finalizers: [] } } });
      expect((await refusalOf(client.get(configMap, key))).code === 404, 'it is gone');
    },
  },
  {
    name: 'deletes only the uid it was asked to',
    async run(client, namespace) {
      const key = { name: 'a', namespace };
      await client.create(configMap, { metadata: key });
      const preconditions = { uid: '00000000-0000-0000-0000-000000000000' };
      const error = await refusalOf(client.delete(configMap, key, { preconditions }));
      expect(error.code === 409, `${error.code}`);
      await client.delete(configMap, key);
      expect((await refusalOf(client.get(configMap, key))).code === 404, 'it is gone');
    },
  },
  {
    name: 'adds the garbage collector’s finalizer for the policy asked for',
    async run(client, namespace) {
      for (const [propagationPolicy, finalizer] of [
        ['Foreground', 'foregroundDeletion'],
        ['Orphan', 'orphan'],
      ] as const) {
        const key = { name: finalizer.toLowerCase(), namespace };
        await client.create(configMap, { metadata: { ...key, finalizers: ['example.com/hold'] } });
        await client.delete(configMap, key, { propagationPolicy });
        const { metadata } = await client.get(configMap, key);
        expect(
          metadata.finalizers?.includes(finalizer) === true,
          `${finalizer} is in ${metadata.finalizers}`,
        );
        await client.patch(configMap, key, { type: 'merge', body: { metadata: { finalizers: [] } } });
      }
    },
  },
  {
    name: 'lists by labels, and in pages',
    async run(client, namespace) {
      for (const [name, app] of [
        ['a', 'web'],
        ['b', 'db'],
        ['c', 'web'],
      ] as const) {
        await client.create(configMap, { metadata: { name, namespace, labels: { app } } });
      }
      const labelled = await client.list(configMap, { namespace, labelSelector: 'app=web' });
      expect(names(labelled.items) === 'a,c', names(labelled.items));
      const first = await client.list(configMap, { namespace, limit: 2 });
      expect(first.items.length === 2 && first.continue !== undefined, 'the first page is full');
      const second = await client.list(configMap, { namespace, limit: 2, continue: first.continue ?? '' });
      expect(names([...first.items, ...second.items]) === 'a,b,c', 'the pages hold everything');
    },
  },
  {
    name: 'lists by field',
    async run(client, namespace) {
      await client.create(pod, podNamed('p', namespace));
      await client.create(pod, podNamed('q', namespace));
      await client.create(bindingKind, binding('p', namespace, 'node1'), { subresource: 'binding' });
      const { items } = await client.list(pod, { namespace, fieldSelector: 'spec.nodeName=node1' });
      expect(names(items) === 'p', names(items));
    },
  },
  {
    name: 'watches every change from a version on, in order',
    async run(client, namespace) {
      const { resourceVersion } = await client.list(configMap, { namespace });
      const key = { name: 'a', namespace };
      await client.create(configMap, { metadata: key });
      await client.patch(configMap, key, { type: 'merge', body: { data: { x: '1' } } });
      const events = take(
        client.watch(configMap, { namespace, resourceVersion }, AbortSignal.timeout(10_000)),
        3,
      );
      await client.delete(configMap, key);
      const types = (await events).map((event) => event.type).join(',');
      expect(types === 'ADDED,MODIFIED,DELETED', types);
    },
  },
  {
    name: 'tells a watcher with a selector of objects that enter and leave',
    async run(client, namespace) {
      const options = { namespace, labelSelector: 'in=yes' };
      const { resourceVersion } = await client.list(configMap, options);
      const events = take(
        client.watch(configMap, { ...options, resourceVersion }, AbortSignal.timeout(10_000)),
        2,
      );
      const key = { name: 'a', namespace };
      await client.create(configMap, { metadata: key });
      for (const value of ['yes', 'no']) {
        await client.patch(configMap, key, { type: 'merge', body: { metadata: { labels: { in: value } } } });
      }
      const types = (await events).map((event) => event.type).join(',');
      expect(types === 'ADDED,DELETED', types);
    },
  },
  {
    name: 'ends a watch when its signal aborts',
    async run(client, namespace) {
      const { resourceVersion } = await client.list(configMap, { namespace });
      const stop = new AbortController();
      const events = take(client.watch(configMap, { namespace, resourceVersion }, stop.signal), 1);
      stop.abort();
      expect((await events).length === 0, 'it ended without an event');
    },
  },
];

const bindingKind = { group: '', version: 'v1', kind: 'Binding', plural: 'pods', namespaced: true };

function binding(name: string, namespace: string, node: string): KubeObject {
  const target = { target: { apiVersion: 'v1', kind: 'Node', name: node } };
  return { metadata: { name, namespace }, ...target };
}

function podNamed(name: string, namespace: string): Pod {
  return { metadata: { name, namespace }, spec: { containers: [{ name: 'main', image: 'example' }] } };
}

async function take<T extends KubeObject>(
  watch: AsyncIterable<WatchEvent<T>>,
  count: number,
): Promise<readonly WatchEvent<T>[]> {
  const events: WatchEvent<T>[] = [];
  for await (const event of watch) {
    if (event.type !== 'BOOKMARK') {
      events.push(event);
    }
    if (events.length === count) {
      break;
    }
  }
  return events;
}

async function refusalOf(attempt: Promise<unknown>): Promise<ApiError> {
  try {
    await attempt;
  } catch (error) {
    if (error instanceof ApiError) {
      return error;
    }
    throw error;
  }
  throw new Error('the server accepted what it must refuse');
}

function names(objects: readonly KubeObject[]): string {
  return objects.map(({ metadata }) => metadata.name).join(',');
}

function expect(claim: boolean, what: string): void {
  if (!claim) {
    throw new Error(`broken promise: ${what}`);
  }
}
