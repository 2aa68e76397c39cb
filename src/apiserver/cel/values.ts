import type { SchemaNode } from '#api/schema.ts';
import { escapeProperty } from './escape.ts';
import { celLibrary } from './library.ts';

/** Converted objects of one validation, so that rules on several levels share them. */
export type Converted = Map<object, unknown>;

/**
 * A JSON value as CEL sees it by its schema: whole numbers as int (BigInt), others as double, `date-time` as timestamp,
 * `duration` as duration, `byte` as bytes, properties under their escaped names.
 */
export function toCel(node: SchemaNode | undefined, value: unknown, converted: Converted): unknown {
  if (typeof value === 'number') {
    return node?.type !== 'number' && Number.isInteger(value) ? BigInt(value) : value;
  }
  if (typeof value === 'string') {
    return stringToCel(node?.format, value);
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  let made = converted.get(value);
  if (made === undefined) {
    made = Array.isArray(value)
      ? value.map((item) => toCel(node?.items, item, converted))
      : objectToCel(node, value as Record<string, unknown>, converted);
    converted.set(value, made);
  }
  return made;
}

function objectToCel(
  node: SchemaNode | undefined,
  value: Record<string, unknown>,
  converted: Converted,
): unknown {
  const made = new Map<string, unknown>();
  const { properties, additionalProperties } = node ?? {};
  for (const [name, field] of Object.entries(value)) {
    if (properties !== undefined && Object.hasOwn(properties, name)) {
      const escaped = escapeProperty(name);
      if (escaped !== undefined) {
        made.set(escaped, toCel(properties[name], field, converted));
      }
    } else {
      made.set(name, toCel(additionalProperties, field, converted));
    }
  }
  return made;
}

function stringToCel(format: string | undefined, value: string): unknown {
  switch (format ?? '') {
    case 'date-time':
    case 'datetime':
    case 'date':
      return new Date(value);
    case 'byte':
      return Uint8Array.from(Buffer.from(value, 'base64'));
    case 'duration':
      return durationToCel(value);
    default:
      return value;
  }
}

/** The CEL package does not export its duration, but can be asked for one. */
function durationToCel(value: string): unknown {
  try {
    return celLibrary().evaluate('duration(value)', { value });
  } catch {
    return value; // the schema's format check has already refused it
  }
}
