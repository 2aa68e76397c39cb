import { PatchbayError } from '#machinery/errors.ts';
import { deepEqual } from './equal.ts';

/** Most operations one JSON patch may hold, as in kube-apiserver. */
export const MAX_JSON_PATCH_OPERATIONS = 10_000;

/** One operation of a JSON patch (RFC 6902), as read from a request and not yet trusted. */
export interface JsonPatchOperation {
  readonly op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test';
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

/** How far copies may blow the document up, in nodes; kube-apiserver limits copied bytes for the same reason. */
const MAX_COPIED_NODES = 50_000;

type Container = Record<string, unknown> | unknown[];

/**
 * Applies a JSON patch (RFC 6902). Pure: `doc` stays as it is.
 * @throws PatchbayError `BadRequest` when `ops` is no patch; `Invalid` when a path is missing or a `test` fails
 * (both answered by the server as `the server rejected our request due to an error in our request`);
 * `RequestEntityTooLarge` above {@link MAX_JSON_PATCH_OPERATIONS} operations.
 */
export function applyJsonPatch(doc: unknown, ops: unknown): unknown {
  if (!Array.isArray(ops)) {
    throw new PatchbayError('BadRequest', 'error decoding patch: a JSON patch is a list of operations', {
      retryable: false,
    });
  }
  if (ops.length > MAX_JSON_PATCH_OPERATIONS) {
    throw new PatchbayError(
      'RequestEntityTooLarge',
      `The allowed maximum operations in a JSON patch is ${MAX_JSON_PATCH_OPERATIONS}, got ${ops.length}`,
      { retryable: false },
    );
  }
  const state: PatchState = { root: copyOf(doc), copied: 0 };
  ops.forEach((operation, index) => {
    applyOperation(state, readOperation(operation, index), index);
  });
  return state.root;
}

interface PatchState {
  root: unknown;
  copied: number;
}

function readOperation(operation: unknown, index: number): JsonPatchOperation {
  const bad = (what: string) =>
    new PatchbayError('BadRequest', `error decoding patch: operation ${index}: ${what}`, {
      retryable: false,
    });
  if (typeof operation !== 'object' || operation === null || Array.isArray(operation)) {
    throw bad('must be an object with "op" and "path"');
  }
  const { op, path, from } = operation as Record<string, unknown>;
  if (
    op !== 'add' &&
    op !== 'remove' &&
    op !== 'replace' &&
    op !== 'move' &&
    op !== 'copy' &&
    op !== 'test'
  ) {
    throw bad(`unexpected kind: ${String(op)}; allowed are add, remove, replace, move, copy, test`);
  }
  if (typeof path !== 'string') {
    throw bad('"path" must be a JSON pointer such as /spec/replicas');
  }
  if ((op === 'move' || op === 'copy') && typeof from !== 'string') {
    throw bad(`${op} needs "from", a JSON pointer such as /spec/replicas`);
  }
  if ((op === 'add' || op === 'replace') && !Object.hasOwn(operation, 'value')) {
    throw bad(`${op} needs "value"`);
  }
  return operation as JsonPatchOperation;
}

function applyOperation(state: PatchState, operation: JsonPatchOperation, index: number): void {
  const path = parsePointer(operation.path, index);
  switch (operation.op) {
    case 'add':
      addValue(state, path, copyOf(operation.value), index);
      return;
    case 'remove':
      removeValue(state, path, index);
      return;
    case 'replace':
      replaceValue(state, path, copyOf(operation.value), index);
      return;
    case 'move': {
      const from = parsePointer(operation.from ?? '', index);
      if (from.length < path.length && from.every((token, at) => token === path[at])) {
        throw refused(index, operation.path, 'a value cannot be moved into itself');
      }
      addValue(state, path, removeValue(state, from, index), index);
      return;
    }
    case 'copy': {
      const value = getValue(state, parsePointer(operation.from ?? '', index), index);
      const count = (): void => {
        state.copied += 1;
        if (state.copied > MAX_COPIED_NODES) {
          throw refused(index, operation.path, 'the patch copies too much');
        }
      };
      addValue(state, path, copyOf(value, count), index);
      return;
    }
    case 'test':
      if (!deepEqual(getValue(state, path, index), operation.value)) {
        throw refused(index, operation.path, 'testing value failed');
      }
  }
}

function parsePointer(pointer: string, index: number): string[] {
  if (pointer === '') {
    return [];
  }
  if (!pointer.startsWith('/')) {
    throw refused(index, pointer, 'a JSON pointer starts with "/"');
  }
  const tokens = pointer
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (tokens.includes('__proto__')) {
    throw refused(index, pointer, '"__proto__" is not allowed in a path');
  }
  return tokens;
}

function getValue(state: PatchState, path: readonly string[], index: number): unknown {
  let value = state.root;
  for (const token of path) {
    value = childOf(value, token, path, index);
  }
  return value;
}

function childOf(value: unknown, token: string, path: readonly string[], index: number): unknown {
  if (Array.isArray(value)) {
    return value[arrayIndex(token, value.length - 1, path, index)];
  }
  if (typeof value === 'object' && value !== null && Object.hasOwn(value, token)) {
    return (value as Record<string, unknown>)[token];
  }
  throw refused(index, `/${path.join('/')}`, `there is no "${token}"`);
}

function containerOf(state: PatchState, path: readonly string[], index: number): [Container, string] {
  const parent = getValue(state, path.slice(0, -1), index);
  if (typeof parent !== 'object' || parent === null) {
    throw refused(index, `/${path.join('/')}`, 'the parent is neither an object nor a list');
  }
  return [parent as Container, path.at(-1) ?? ''];
}

function addValue(state: PatchState, path: readonly string[], value: unknown, index: number): void {
  if (path.length === 0) {
    state.root = value;
    return;
  }
  const [parent, token] = containerOf(state, path, index);
  if (!Array.isArray(parent)) {
    parent[token] = value;
  } else if (token === '-') {
    parent.push(value);
  } else {
    parent.splice(arrayIndex(token, parent.length, path, index), 0, value);
  }
}

function replaceValue(state: PatchState, path: readonly string[], value: unknown, index: number): void {
  if (path.length === 0) {
    state.root = value;
    return;
  }
  const [parent, token] = containerOf(state, path, index);
  childOf(parent, token, path, index);
  if (Array.isArray(parent)) {
    parent[Number(token)] = value;
  } else {
    parent[token] = value;
  }
}

function removeValue(state: PatchState, path: readonly string[], index: number): unknown {
  if (path.length === 0) {
    const old = state.root;
    state.root = null;
    return old;
  }
  const [parent, token] = containerOf(state, path, index);
  const old = childOf(parent, token, path, index);
  if (Array.isArray(parent)) {
    parent.splice(Number(token), 1);
  } else {
    delete parent[token];
  }
  return old;
}

function arrayIndex(token: string, last: number, path: readonly string[], index: number): number {
  const at = /^(0|[1-9]\d{0,9})$/.test(token) ? Number(token) : Number.NaN;
  if (!(at <= last)) {
    throw refused(index, `/${path.join('/')}`, `"${token}" is no index of this list`);
  }
  return at;
}

/** A copy of a JSON value; `count` is called for every node. Many times faster than `structuredClone`. */
function copyOf(value: unknown, count?: () => void): unknown {
  count?.();
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  if (Array.isArray(value)) {
    return value.map((item) => copyOf(item, count));
  }
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    copy[key] = copyOf((value as Record<string, unknown>)[key], count);
  }
  return copy;
}

function refused(index: number, path: string, why: string): PatchbayError {
  return new PatchbayError('Invalid', `JSON patch operation ${index}, path ${JSON.stringify(path)}: ${why}`, {
    retryable: false,
  });
}
