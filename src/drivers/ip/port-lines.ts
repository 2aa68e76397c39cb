/** Steps of links and of bridge ports. Pure. */
import type { BridgePort } from '#node-state/link.ts';
import type { Netns } from '#node-state/resource.ts';
import { whole, word } from './words.ts';

/** When a step runs: stages one after the other; in a stage, steps of one tool and namespace are one batch. */
export type Stage = 'undo' | 'remove' | 'make' | 'set' | 'finish' | 'mark';

export const stages: readonly Stage[] = ['undo', 'remove', 'make', 'set', 'finish', 'mark'];

/** One line for one tool. */
export interface Step {
  readonly stage: Stage;
  readonly tool: 'ip' | 'bridge' | 'ethtool';
  readonly netns: Netns;
  readonly line: string;
  /** Complaints that mean "so already". */
  readonly tolerate?: RegExp;
}

/** Flags and VLANs of a bridge port. */
export function portSteps(
  netns: Netns,
  name: string,
  port: BridgePort | undefined,
  stage: Stage = 'set',
): readonly Step[] {
  if (port === undefined) {
    return [];
  }
  const flags: string[] = [];
  if (port.learning !== undefined) flags.push(`learning ${port.learning ? 'on' : 'off'}`);
  if (port.isolated !== undefined) flags.push(`isolated ${port.isolated ? 'on' : 'off'}`);
  if (port.hairpin !== undefined) flags.push(`hairpin ${port.hairpin ? 'on' : 'off'}`);
  const steps: Step[] = [];
  if (flags.length > 0) {
    steps.push({
      stage,
      tool: 'ip',
      netns,
      line: `link set dev ${word(name)} type bridge_slave ${flags.join(' ')}`,
    });
  }
  for (const line of vlanLines(name, port)) {
    steps.push({ stage: 'finish', tool: 'bridge', netns, line, tolerate: /No such|not exist/ });
  }
  return steps;
}

function vlanLines(name: string, port: BridgePort): readonly string[] {
  if (port.vlans === undefined) {
    return [];
  }
  const lines = port.vlans.some((vlan) => vlan.id === 1) ? [] : [`vlan del dev ${word(name)} vid 1`];
  for (const vlan of port.vlans) {
    const range = vlan.endId === undefined ? `${whole(vlan.id)}` : `${whole(vlan.id)}-${whole(vlan.endId)}`;
    lines.push(
      `vlan add dev ${word(name)} vid ${range}${vlan.pvid ? ' pvid' : ''}${vlan.untagged ? ' untagged' : ''}`,
    );
  }
  return lines;
}
