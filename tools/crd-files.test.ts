import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { crdFiles } from './crd-files.ts';

const directory = join(import.meta.dirname, '..', 'deploy', 'crds');
const files = crdFiles();

interface Node {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly additionalProperties?: Node;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
}

/** What apiextensions refuses in a structural schema, with the path. */
function structuralProblems(node: Node, path: string): readonly string[] {
  const problems: string[] = [];
  if (node.type === undefined && node['x-kubernetes-int-or-string'] !== true)
    problems.push(`${path}: no type`);
  if (node.type === 'array' && node.items === undefined) problems.push(`${path}: no items`);
  if (node.properties !== undefined && node.additionalProperties !== undefined)
    problems.push(`${path}: both`);
  for (const name of node.required ?? []) {
    if (node.properties?.[name] === undefined) problems.push(`${path}: required ${name} is not there`);
  }
  for (const key of node['x-kubernetes-list-map-keys'] ?? []) {
    const items = node.items;
    if (!items?.required?.includes(key) && items?.properties?.[key]?.default === undefined) {
      problems.push(`${path}: key ${key} is neither required nor defaulted`);
    }
  }
  if (Object.keys(node).some((key) => key.startsWith('x-kubernetes-patch-')))
    problems.push(`${path}: patch words`);
  const children: readonly (readonly [string, Node | undefined])[] = [
    ...Object.entries(node.properties ?? {}),
    ['[]', node.items],
    ['*', node.additionalProperties],
  ];
  return [
    ...problems,
    ...children.flatMap(([name, child]) =>
      child === undefined ? [] : structuralProblems(child, `${path}.${name}`),
    ),
  ];
}

describe('deploy/crds', () => {
  it('holds what npm run generate writes', async () => {
    const there = await readdir(directory);
    expect(there.filter((name) => name.endsWith('.yaml')).sort()).toEqual([...files.keys()].sort());
    for (const [name, text] of files) {
      expect(await readFile(join(directory, name), 'utf8'), `${name} is stale: run npm run generate`).toBe(
        text,
      );
    }
  });

  it.each([...files])('%s has a structural schema', (_name, text) => {
    const { spec } = parse(text) as { spec: { versions: { schema: { openAPIV3Schema: Node } }[] } };
    const [version] = spec.versions;
    expect(structuralProblems(version?.schema.openAPIV3Schema ?? {}, '')).toEqual([]);
  });
});
