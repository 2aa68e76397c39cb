import { expect, test } from 'vitest';
import { map, object, type SchemaNode, string } from '#api/schema.ts';
import { updateManagedFields } from './apply.ts';

/** A view of a JSON value that counts every look at a property. */
function counted<T extends object>(value: T, tally: { looks: number }): T {
  const views = new WeakMap<object, object>();
  const view = (of: object): object => {
    const known = views.get(of) ?? new Proxy(of, handler);
    views.set(of, known);
    return known;
  };
  const handler: ProxyHandler<object> = {
    get(target, name) {
      tally.looks += 1;
      const found: unknown = Reflect.get(target, name);
      return typeof found === 'object' && found !== null ? view(found) : found;
    },
    ownKeys(target) {
      const keys = Reflect.ownKeys(target);
      tally.looks += keys.length;
      return keys;
    },
    getOwnPropertyDescriptor(target, name) {
      tally.looks += 1;
      return Reflect.getOwnPropertyDescriptor(target, name);
    },
  };
  return view(value) as T;
}

/** Looks at an object and at its schema while its managed fields are worked out. */
function looks(keys: number, declared: number): number {
  const tally = { looks: 0 };
  const others = Array.from({ length: declared }, (_, index): [string, SchemaNode] => [
    `f${index}`,
    string(),
  ]);
  const schema = counted(
    object({ data: map(string()), spec: object({ size: string(), ...Object.fromEntries(others) }) }),
    tally,
  );
  const data = Object.fromEntries(Array.from({ length: keys }, (_, index) => [`k${index}`, '1']));
  const after = { metadata: { name: 'a', namespace: 'n' }, spec: { size: '1' }, data };
  const request = { schema, apiVersion: 'v1', now: new Date(0), manager: 'x' };
  updateManagedFields({ ...request, after });
  tally.looks = 0;
  expect(updateManagedFields({ ...request, after: counted(after, tally) })).toHaveLength(1);
  return tally.looks;
}

test('managed fields cost little for a small object, as much again for each key, and nothing for what a kind may have', () => {
  const small = looks(2, 1);
  expect(small).toBeLessThan(70);
  expect(looks(2, 1000)).toBe(small);
  const key = looks(3, 1) - small;
  expect([key < 10, looks(1002, 1) - small]).toEqual([true, 1000 * key]);
});
