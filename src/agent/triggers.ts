/** What the node itself tells the loops: the kernel, Open vSwitch, QEMU and guests' agents. */
import type { Clock } from '#machinery/clock.ts';
import type { Netns } from '#node-state/resource.ts';
import { createTrigger, type Trigger } from './trigger.ts';

/** Keys of the node's loop. */
export type NodeKey = 'node' | 'network' | 'switch';

/** Ways to wake loops. */
export interface Triggers {
  /** Keys are pod UIDs. */
  readonly sandboxes: Trigger;
  /** Keys are names of policies. */
  readonly policies: Trigger;
  /** Keys are `NodeKey`s. */
  readonly node: Trigger;
  /** Wakes the loop of a sandbox. */
  sandbox(netns: Netns): void;
  /** Something about links, addresses or routes changed; many such calls make one pass. */
  kernelChanged(): void;
  /** Others changed something of ours in Open vSwitch. */
  switchChanged(): void;
}

/** Milliseconds in which changes of the kernel are gathered. */
const gather = 300;

/** Makes them. */
export function createTriggers(clock: Clock, sandboxPrefix: string): Triggers {
  const sandboxes = createTrigger();
  const node = createTrigger();
  const pending = new Set<NodeKey>();
  const later = (key: NodeKey): void => {
    if (pending.has(key)) {
      return;
    }
    pending.add(key);
    clock.setTimer(() => {
      pending.delete(key);
      node.fire(key);
    }, gather);
  };
  return {
    sandboxes,
    policies: createTrigger(),
    node,
    sandbox: (netns) => {
      if (netns.startsWith(sandboxPrefix)) sandboxes.fire(netns.slice(sandboxPrefix.length));
    },
    kernelChanged: () => later('network'),
    switchChanged: () => later('switch'),
  };
}
