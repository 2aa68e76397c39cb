/** What every fake driver is made of: resources kept in memory, with the driver's rules about scopes and idempotence. */
import type { Driver } from '#drivers/driver.ts';
import {
  type Netns,
  NODE,
  type Operation,
  type Outcome,
  type Resource,
  resourceId,
} from '#node-state/resource.ts';

/** A driver without a target. */
export interface MemoryDriver<R extends Resource> extends Driver<R> {
  /** Everything that is there, by resource id. */
  readonly resources: Map<string, R>;
  /** Every batch applied, in order. */
  readonly batches: (readonly Operation<R>[])[];
  /** The next operation on this resource fails once. */
  failNext(id: string, error: Error): void;
}

/** Makes one for the given kinds; `scopeOf` says where a resource lives. */
export function createMemoryDriver<R extends Resource>(
  kinds: readonly R['kind'][],
  scopeOf: (resource: R) => Netns = (resource) => ('netns' in resource ? resource.netns : NODE),
): MemoryDriver<R> {
  const resources = new Map<string, R>();
  const failures = new Map<string, Error>();
  const batches: (readonly Operation<R>[])[] = [];
  const applyOne = (operation: Operation<R>): Outcome<R> => {
    const id = resourceId(operation.op === 'delete' ? operation.from : operation.to);
    const error = failures.get(id);
    if (error !== undefined) {
      failures.delete(id);
      return { operation, error };
    }
    if (operation.op !== 'delete') {
      resources.set(id, operation.to);
      return { operation };
    }
    resources.delete(id);
    if (operation.from.kind === 'netns') {
      const { netns } = operation.from;
      for (const [other, resource] of resources) {
        if (scopeOf(resource) === netns) resources.delete(other);
      }
    }
    return { operation };
  };
  return {
    kinds,
    resources,
    batches,
    observe: async (scope) => [...resources.values()].filter((resource) => scopeOf(resource) === scope),
    apply: async (operations) => {
      batches.push(operations);
      return operations.map(applyOne);
    },
    failNext: (id, error) => failures.set(id, error),
  };
}
