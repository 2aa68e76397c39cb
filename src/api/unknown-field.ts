/** Where a field that a schema does not have was probably meant to be. */
import { nearest } from './cause.ts';
import type { SchemaNode } from './schema.ts';

/**
 * A remedy for an unknown field, such as `spec.domain` of a VirtualMachine: `it belongs under spec.template.spec`.
 * Nothing when there is no good guess. `path` is as the server reports it, with indexes (`spec.networks[0].multus.name`).
 */
export function explainUnknownField(schema: SchemaNode, path: string): string | undefined {
  const steps = path.replaceAll(/\[[^\]]*\]/g, '').split('.');
  const name = steps.at(-1) ?? '';
  const parent = steps.slice(0, -1);
  const siblings = Object.keys(nodeAt(schema, parent)?.properties ?? {});
  const near = nearest(name, siblings);
  if (near !== undefined) return `did you mean ${JSON.stringify(near)}?`;
  const [place] = placesOf(schema, name)
    .map((found) => ({ found, moved: distance(parent, found) }))
    .sort((a, b) => a.moved - b.moved || a.found.length - b.found.length);
  return place === undefined ? undefined : `it belongs under ${place.found.join('.')}; check the indentation`;
}

/** The object at a path; lists are looked through. */
function nodeAt(schema: SchemaNode, steps: readonly string[]): SchemaNode | undefined {
  const [step, ...rest] = steps;
  const object = schema.items ?? schema;
  if (step === undefined) return object;
  const child = object.properties?.[step] ?? object.additionalProperties;
  return child === undefined ? undefined : nodeAt(child, rest);
}

/** Paths of the objects that have a field of this name; status is written by the system and left out. */
function placesOf(
  schema: SchemaNode,
  name: string,
  path: readonly string[] = [],
): readonly (readonly string[])[] {
  if (path[0] === 'status') return [];
  const object = schema.items ?? schema;
  const children = Object.entries(object.properties ?? {});
  const here = object.properties?.[name] === undefined || path.length === 0 ? [] : [path];
  return [...here, ...children.flatMap(([key, child]) => placesOf(child, name, [...path, key]))];
}

/** Steps to climb from one place and to descend to the other. */
function distance(from: readonly string[], to: readonly string[]): number {
  let shared = 0;
  while (shared < from.length && from[shared] === to[shared]) shared += 1;
  return from.length - shared + (to.length - shared);
}
