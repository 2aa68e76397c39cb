/** Holes made on purpose, each undone afterwards: a test that does not find them is no test. */
import { readdir } from 'node:fs/promises';
import { execute } from '../e2e/cluster.ts';
import { instance } from '../e2e/patchbay.ts';
import { inNetns } from './lab.ts';
import type { World } from './world.ts';

const run = `/run/patchbay/${instance}`;

/** What a hole is made with. */
interface Hole {
  make(world: World): Promise<void>;
  /** Undoes what nobody else mends. */
  mend(world: World): Promise<void>;
}

/** The attacker's port of `iso-l2a`. */
const attackerPort = 'isolation.iso.l2a_isolation_attacker';

/** A hole by name. */
export const holes: Readonly<Record<string, Hole>> = {
  'no-port-security': {
    make: () => nbctl('clear', 'Logical_Switch_Port', attackerPort, 'port_security'),
    mend: async (world) =>
      nbctl('set', 'Logical_Switch_Port', attackerPort, `port_security="${who(world, 'l2a0')}"`),
  },
  'no-macspoofchk': {
    make: async (world) => {
      const port = await vsctl('get', 'Interface', end(world, 'brc0').host, 'ofport');
      const flow = `cookie=${holeCookie},priority=40000,in_port=${port.trim()},actions=NORMAL`;
      await ofctl('add-flow', bridge('br1'), flow);
    },
    mend: async () => {
      await ofctl('del-flows', bridge('br1'), `cookie=${holeCookie}/-1`);
      // Where the bridges took the victim to be meanwhile.
      for (const node of ['node1', 'node2']) await appctl(node, 'ovs-vswitchd', 'fdb/flush', 'br1');
    },
  },
  unhidden: {
    make: async ({ machine }) => {
      const netns = launcher(machine);
      saved = await inNetns(netns, ['nft', 'list', 'table', 'ip', 'nat']);
      await inNetns(netns, ['nft', 'flush', 'chain', 'ip', 'nat', 'guest']);
    },
    mend: async ({ machine }) => {
      await inNetns(launcher(machine), ['nft', 'delete', 'table', 'ip', 'nat']);
      await inNetns(launcher(machine), ['nft', '-f', '/dev/stdin'], saved);
    },
  },
  'trunk-port': {
    make: async (world) => {
      await vsctl('clear', 'Port', end(world, 'brp0').host, 'tag', 'vlan_mode');
    },
    mend: async (world) => {
      await vsctl('set', 'Port', end(world, 'brp0').host, 'tag=200', 'vlan_mode=access');
    },
  },
  'no-guard': {
    make: () => nbctl('acl-del', 'node1'),
    mend: async () => undefined, // The fabric sees that its rows went, and puts them back.
  },
  'no-sandbox-filter': {
    make: async (world) => {
      const { netns } = end(world, 'l2a0');
      saved = await inNetns(netns, ['nft', 'list', 'table', 'netdev', 'patchbay-guard']);
      await inNetns(netns, ['nft', 'delete', 'table', 'netdev', 'patchbay-guard']);
    },
    mend: async (world) => {
      await inNetns(end(world, 'l2a0').netns, ['nft', '-f', '/dev/stdin'], saved);
    },
  },
  'no-node-guard': {
    make: async () => {
      const node = `${instance}.node1`;
      saved = await inNetns(node, ['nft', 'list', 'table', 'inet', 'patchbay-node']);
      await inNetns(node, ['nft', 'delete', 'table', 'inet', 'patchbay-node']);
    },
    mend: async () => {
      await inNetns(`${instance}.node1`, ['nft', '-f', '/dev/stdin'], saved);
    },
  },
  'no-lock': {
    make: () => nbctl(...lockedGroups.flatMap((group) => ['--', 'clear', 'Port_Group', group, 'acls'])),
    mend: async () => undefined, // As above.
  },
};

/** The nodes' groups of ports whose pods are on a primary network. */
const lockedGroups = ['udn_isolation_node1', 'udn_isolation_node2'];
/** What the hole that is open was before. */
let saved = '';
const holeCookie = '0xb0b';

/** Runs something while a hole is open. Who would mend it at once, the fabric and the agent, is held meanwhile. */
export async function withHole(
  world: World,
  name: string | undefined,
  action: () => Promise<void>,
): Promise<void> {
  const hole = name === undefined ? undefined : holes[name];
  if (hole === undefined) {
    await action();
    return;
  }
  const { processes } = await world.cluster.status();
  const keepers = processes.filter(
    ({ name: process, node }) => process === 'control-plane' || (process === 'agent' && node === 'node1'),
  );
  for (const { pid } of keepers) process.kill(pid, 'SIGSTOP');
  try {
    await hole.make(world);
    await action();
  } finally {
    await hole.mend(world);
    for (const { pid } of keepers) process.kill(pid, 'SIGCONT');
    await mended(name);
  }
}

/** Waits until the fabric has put back what it looks after. */
async function mended(name: string | undefined): Promise<void> {
  const has = {
    'no-guard': async () => (await nb('acl-list', 'node1')).includes('drop'),
    'no-lock': async () =>
      (await Promise.all(lockedGroups.map((group) => nb('get', 'Port_Group', group, 'acls')))).every(
        (acls) => acls !== '[]',
      ),
  }[name ?? ''];
  for (const end = Date.now() + 20_000; has !== undefined && !(await has()); ) {
    if (Date.now() > end) {
      throw new Error(`the fabric did not mend "${name}" within 20 s`);
    }
  }
  if (has !== undefined) {
    await nb('--wait=hv', 'sync');
  }
}

/** Runs ovn-nbctl and waits until every node has taken it over. */
async function nbctl(...words: string[]): Promise<void> {
  await nb('--wait=hv', ...words);
}

/** Runs ovn-nbctl. */
export async function nb(...words: string[]): Promise<string> {
  return (await must(['ovn-nbctl', `--db=unix:${run}/ovn/nb.sock`, '--timeout=20', ...words])).trim();
}

/** Runs ovs-appctl on a daemon of a node, such as `ovn-controller`. */
export async function appctl(node: string, daemon: string, ...words: string[]): Promise<string> {
  const directory = `${run}/nodes/${node}/ovs`;
  const socket = (await readdir(directory)).find(
    (file) => file.startsWith(`${daemon}.`) && file.endsWith('.ctl'),
  );
  return must(['ovs-appctl', '-t', `${directory}/${socket}`, ...words]);
}

async function vsctl(...words: string[]): Promise<string> {
  return must(['ovs-vsctl', `--db=unix:${run}/nodes/node1/ovs/db.sock`, '--timeout=10', ...words]);
}

async function ofctl(...words: string[]): Promise<string> {
  return must(['ovs-ofctl', '-O', 'OpenFlow14', ...words]);
}

function bridge(name: string): string {
  return `unix:${run}/nodes/node1/ovs/${name}.mgmt`;
}

async function must(argv: readonly string[], input?: string): Promise<string> {
  const { status, stdout, stderr } = await execute(argv, input);
  if (status !== 0) {
    throw new Error(`${argv.join(' ')}: ${stderr}${stdout}`);
  }
  return stdout;
}

function end({ attacker }: World, name: string): { readonly netns: string; readonly host: string } {
  const nic = attacker.get(name);
  if (nic === undefined) {
    throw new Error(`the attacker has no ${name}`);
  }
  return nic;
}

function who({ attacker }: World, name: string): string {
  const { mac, ip4, ip6 } = attacker.get(name)?.who ?? { mac: '', ip4: '' };
  return [mac, ip4, ip6].filter((part) => part !== undefined).join(' ');
}

function launcher({ nics }: World['machine']): string {
  return nics.get('eth0')?.netns ?? '';
}
