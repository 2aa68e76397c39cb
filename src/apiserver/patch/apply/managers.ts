import { FieldSet } from './field-set.ts';
import type { ManagedFieldsEntry } from './types.ts';

/** Most Update entries an object keeps; older ones are put together, as upstream does. */
const MAX_UPDATE_MANAGERS = 10;
const ANCIENT = 'ancient-changes';

/** One manager and what it owns. */
export interface Manager {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource?: string | undefined;
  readonly time: string | undefined;
  readonly fields: FieldSet;
}

/** Managers of an object by identity. */
export type Managers = ReadonlyMap<string, Manager>;

/** What tells managers apart. An applier stays the same when it changes to another version of the API. */
export function managerId(of: Pick<Manager, 'manager' | 'operation' | 'apiVersion' | 'subresource'>): string {
  const version = of.operation === 'Apply' ? '' : of.apiVersion;
  return JSON.stringify([of.manager, of.operation, version, of.subresource ?? '']);
}

/** Reads `metadata.managedFields` of a stored object. */
export function readManagers(object: Readonly<Record<string, unknown>> | undefined): Map<string, Manager> {
  const entries = (object?.['metadata'] as { managedFields?: unknown } | undefined)?.managedFields;
  const managers = new Map<string, Manager>();
  for (const entry of Array.isArray(entries) ? (entries as readonly ManagedFieldsEntry[]) : []) {
    const manager: Manager = {
      manager: entry.manager ?? 'unknown',
      operation: entry.operation === 'Apply' ? 'Apply' : 'Update',
      apiVersion: entry.apiVersion ?? '',
      subresource: entry.subresource,
      time: entry.time,
      fields: FieldSet.fromV1(entry.fieldsV1),
    };
    managers.set(managerId(manager), manager);
  }
  return managers;
}

/** Writes managers as `metadata.managedFields`: those without fields left out, sorted, at most ten Update entries. */
export function writeManagers(managers: Managers): readonly ManagedFieldsEntry[] {
  const entries = [...managers.values()].filter((manager) => !manager.fields.isEmpty).toSorted(inOrder);
  const updates = entries.filter(({ operation }) => operation === 'Update');
  const excess = updates.length - MAX_UPDATE_MANAGERS;
  return (excess > 0 ? putTogether(entries, updates.slice(0, excess + 1)) : entries).map(toEntry);
}

function inOrder(a: Manager, b: Manager): number {
  const keys = (of: Manager) => [
    of.operation,
    of.time ?? '',
    of.manager,
    of.apiVersion,
    of.subresource ?? '',
  ];
  const [left, right] = [keys(a), keys(b)];
  const at = left.findIndex((key, index) => key !== right[index]);
  return at < 0 ? 0 : (left[at] ?? '') < (right[at] ?? '') ? -1 : 1;
}

function putTogether(entries: readonly Manager[], old: readonly Manager[]): Manager[] {
  const newest = old.at(-1);
  if (newest === undefined) {
    return [...entries];
  }
  const fields = old.reduce((all, { fields: some }) => all.union(some), new FieldSet());
  const ancient: Manager = { ...newest, manager: ANCIENT, subresource: undefined, fields };
  return [...entries.filter((entry) => !old.includes(entry)), ancient].toSorted(inOrder);
}

function toEntry({ manager, operation, apiVersion, subresource, time, fields }: Manager): ManagedFieldsEntry {
  return {
    apiVersion,
    fieldsType: 'FieldsV1',
    fieldsV1: fields.toV1(),
    manager,
    operation,
    ...(subresource === undefined || subresource === '' ? {} : { subresource }),
    ...(time === undefined ? {} : { time }),
  };
}

/** A time as the API writes it, to the second. */
export function stamp(now: Date): string {
  return `${now.toISOString().slice(0, 19)}Z`;
}
