import type { Netns, Operation, Outcome, Resource } from '#node-state/resource.ts';

/**
 * Talks to one target (the kernel's links, Open vSwitch, QEMU, …) and knows no Kubernetes.
 * Every driver has a real form, a fake, and one contract suite that both pass.
 */
export interface Driver<R extends Resource> {
  /** Kinds of resources this driver makes. */
  readonly kinds: readonly R['kind'][];
  /**
   * Reads back what exists in one scope and is tagged as ours (plus, for links, the NICs that were there before us).
   * A scope that does not exist has nothing in it.
   */
  observe(scope: Netns): Promise<readonly R[]>;
  /**
   * Carries out a batch in order, in as few steps as the target allows. Idempotent: what is there already and what is
   * gone already count as success. A failed operation is an outcome with an error and does not stop the others.
   */
  apply(operations: readonly Operation<R>[]): Promise<readonly Outcome<R>[]>;
}

/** Something a driver noticed in the world that may need another pass over a scope. */
export interface Change {
  readonly scope: Netns;
}
