import { ageColumn, since } from '#api/columns.ts';
import type { KindDefinition, PrinterColumn } from '#api/kind.ts';
import type { KubeObject } from '#api/meta.ts';
import { objectMetaSchema } from '../schema/object-meta.ts';
import { evaluateJsonPath } from './jsonpath.ts';

/** How {@link toTable} is to answer. */
export interface TableOptions {
  readonly resourceVersion?: string | undefined;
  readonly continue?: string | undefined;
  readonly remainingItemCount?: number | undefined;
  /** What each row carries of its object; default `Metadata`. */
  readonly includeObject?: 'Metadata' | 'None' | 'Object' | undefined;
  /** For ages. */
  readonly now: Date;
}

type Cell = string | number | boolean | null;

/** One column of the answer, as the wire has it, and how to fill it. */
interface Column {
  readonly definition: Readonly<Record<string, unknown>>;
  cell(object: KubeObject, now: Date): Cell;
}

/** The whole `meta.k8s.io/v1` Table of objects of one kind. Column definitions are worked out once per kind. */
export function toTable(
  kind: KindDefinition,
  objects: readonly KubeObject[],
  options: TableOptions,
): Readonly<Record<string, unknown>> {
  const columns = columnsOf(kind);
  const { resourceVersion, continue: token, remainingItemCount } = options;
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: {
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(token === undefined || token === '' ? {} : { continue: token }),
      ...(remainingItemCount === undefined ? {} : { remainingItemCount }),
    },
    columnDefinitions: columns.map((column) => column.definition),
    rows: objects.map((object) => tableRow(kind, object, options)),
  };
}

/** One row of {@link toTable}. */
export function tableRow(
  kind: KindDefinition,
  object: KubeObject,
  { includeObject = 'Metadata', now }: TableOptions,
): Readonly<Record<string, unknown>> {
  return {
    cells: columnsOf(kind).map((column) => column.cell(object, now)),
    ...rowObject(object, includeObject),
  };
}

function rowObject(
  object: KubeObject,
  include: 'Metadata' | 'None' | 'Object',
): Readonly<Record<string, unknown>> {
  if (include === 'None') {
    return { object: null };
  }
  return {
    object:
      include === 'Object'
        ? object
        : { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata },
  };
}

const known = new WeakMap<KindDefinition, readonly Column[]>();

/**
 * The kind's columns, NAME first unless the kind places it itself (events do). A kind that names no column at all gets AGE,
 * as upstream gives custom resources.
 */
function columnsOf(kind: KindDefinition): readonly Column[] {
  let columns = known.get(kind);
  if (columns === undefined) {
    const own = (kind.columns.length === 0 ? [ageColumn] : kind.columns).map(columnOf);
    columns = kind.columns.some((column) => column.name === 'Name') ? own : [nameColumn, ...own];
    known.set(kind, columns);
  }
  return columns;
}

const nameColumn: Column = {
  definition: {
    name: 'Name',
    type: 'string',
    format: 'name',
    description: objectMetaSchema.properties?.['name']?.description ?? '',
    priority: 0,
  },
  cell: (object) => object.metadata.name,
};

function columnOf(column: PrinterColumn): Column {
  const { name, type, description = '', format = '', priority = 0, value, jsonPath } = column;
  return {
    definition: { name, type, format, description, priority },
    cell(object, now) {
      if (value !== undefined) {
        return value(object, now);
      }
      const [found] = jsonPath === undefined ? [] : evaluateJsonPath(jsonPath, object);
      return found === undefined || found === null ? null : cellOf(type, found, now);
    },
  };
}

/** Values of another type than the column's are left out, as upstream does. */
function cellOf(type: PrinterColumn['type'], found: unknown, now: Date): Cell {
  switch (type) {
    case 'string':
      return typeof found === 'string' ? found : JSON.stringify(found);
    case 'integer':
      return typeof found === 'number' ? Math.trunc(found) : null;
    case 'number':
      return typeof found === 'number' ? found : null;
    case 'boolean':
      return typeof found === 'boolean' ? found : null;
    case 'date':
      return typeof found === 'string' ? ageOf(found, now) : null;
  }
}

function ageOf(time: string, now: Date): string {
  return Number.isNaN(Date.parse(time)) ? '<invalid>' : since(time, now);
}
