import path from 'node:path';
import { expect, test } from 'vitest';
import { includes, parseManifests, readManifests } from './manifests.ts';

test('the quick start has a policy, a network and two virtual machines', () => {
  const manifests = readManifests(path.resolve(import.meta.dirname, '../../../examples/quickstart'));
  expect(manifests.map(({ kind, object }) => `${kind.kind} ${object.metadata.name}`)).toEqual([
    'NodeNetworkConfigurationPolicy br1-eth1-policy',
    'NetworkAttachmentDefinition bridge-network',
    'VirtualMachine example-vm',
    'VirtualMachine example-vm-2',
  ]);
});

test('a namespaced object without namespace goes to default; several documents are several objects', () => {
  const text =
    '---\nkind: Pod\napiVersion: v1\nmetadata: {name: a}\n---\n---\nkind: Node\napiVersion: v1\nmetadata: {name: n}\n';
  expect(parseManifests('x.yaml', text).map(({ object }) => object.metadata.namespace)).toEqual([
    'default',
    undefined,
  ]);
});

test('an unknown kind and broken YAML are refused with the file', () => {
  expect(() => parseManifests('x.yaml', 'kind: Pot\napiVersion: v1\nmetadata: {name: a}')).toThrow(
    /x\.yaml.*"Pot" is not known/,
  );
  expect(() => parseManifests('x.yaml', 'a: [')).toThrow(/^x\.yaml: /);
});

test.each([
  [{ a: 1, b: { c: [1, 2] } }, { b: { c: [1, 2] } }, true],
  [{ a: 1 }, { a: 2 }, false],
  [{ a: [1, 2] }, { a: [1] }, false],
  [{ a: [{ x: 1, defaulted: true }] }, { a: [{ x: 1 }] }, true],
  [{}, { a: undefined }, true],
  [undefined, { a: 1 }, false],
])('%j includes %j: %j', (whole, part, expected) => {
  expect(includes(whole, part)).toBe(expected);
});
