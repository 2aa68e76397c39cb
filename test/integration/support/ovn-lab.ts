import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '#drivers/command.ts';
import { makeNetns, type Switch, startSwitch } from './open-vswitch.ts';
import { killPidfile, OVN_NB_SCHEMA, OVN_SB_SCHEMA, type OvsdbServer, startOvsdb } from './ovsdb.ts';

/** A node of the lab: a network namespace with its own Open vSwitch and ovn-controller. */
export interface LabNode {
  readonly name: string;
  readonly netns: string;
  readonly vswitch: Switch;
}

/** OVN central and nodes on one underlay, for tests. */
export interface OvnLab {
  readonly nb: OvsdbServer;
  readonly sb: OvsdbServer;
  readonly nodes: readonly LabNode[];
  /** A veth from a node (`port`) to a new network namespace (`eth0`), with what Open vSwitch's netdev datapath needs. */
  addPod(node: LabNode, port: string, pod: string): Promise<string>;
  /** Runs ovn-nbctl. */
  nbctl(...words: string[]): Promise<string>;
  dispose(): Promise<void>;
}

/** Starts OVN and one node per name. Namespaces are called `<prefix>-<name>`; the underlay is a bridge in one of its own. */
export async function startOvnLab(prefix: string, names: readonly string[]): Promise<OvnLab> {
  const directory = await mkdtemp(join(tmpdir(), `${prefix}-`));
  const undo: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true })];
  const dispose = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) {
      await step();
    }
  };
  try {
    const underlay = `${prefix}-underlay`;
    undo.push(await makeNetns(underlay));
    await run(['ip', '-n', underlay, 'link', 'add', 'br0', 'up', 'type', 'bridge']);
    const { nb, sb } = await startCentral(undo);
    const nodes: LabNode[] = [];
    for (const [i, name] of names.entries()) {
      nodes.push(
        await startNode({ prefix, name, address: `192.168.77.${i + 10}`, directory, underlay, sb }, undo),
      );
    }
    return {
      nb,
      sb,
      nodes,
      addPod: async (node, port, pod) => {
        const netns = `${prefix}-${pod}`;
        undo.push(await makeNetns(netns));
        await run([
          'ip',
          '-n',
          node.netns,
          'link',
          'add',
          'name',
          port,
          'up',
          'type',
          'veth',
          'peer',
          'name',
          'eth0',
          'netns',
          netns,
        ]);
        await run(['ethtool', '-K', 'eth0', 'tx', 'off', 'tso', 'off', 'gso', 'off', 'gro', 'off'], {
          netns,
        });
        return netns;
      },
      nbctl: async (...words) => (await run(['ovn-nbctl', `--db=${nb.remote}`, ...words])).stdout.trim(),
      dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function startCentral(undo: (() => Promise<unknown>)[]): Promise<{ nb: OvsdbServer; sb: OvsdbServer }> {
  const nb = await startOvsdb(OVN_NB_SCHEMA);
  undo.push(() => nb[Symbol.asyncDispose]());
  const sb = await startOvsdb(OVN_SB_SCHEMA);
  undo.push(() => sb[Symbol.asyncDispose]());
  const pidfile = join(nb.directory, 'ovn-northd.pid');
  const files = [
    `--pidfile=${pidfile}`,
    `--log-file=${join(nb.directory, 'northd.log')}`,
    `--unixctl=${join(nb.directory, 'northd.ctl')}`,
  ];
  const dbs = [`--ovnnb-db=${nb.remote}`, `--ovnsb-db=${sb.remote}`];
  await run(['ovn-northd', '--detach', '--no-chdir', '-vconsole:off', ...files, ...dbs]);
  undo.push(() => killPidfile(pidfile));
  return { nb, sb };
}

interface NodeSpec {
  readonly prefix: string;
  readonly name: string;
  readonly address: string;
  readonly directory: string;
  readonly underlay: string;
  readonly sb: OvsdbServer;
}

async function startNode(spec: NodeSpec, undo: (() => Promise<unknown>)[]): Promise<LabNode> {
  const { name, address, underlay } = spec;
  const netns = `${spec.prefix}-${name}`;
  undo.push(await makeNetns(netns));
  await run([
    'ip',
    '-n',
    underlay,
    'link',
    'add',
    'name',
    name,
    'up',
    'master',
    'br0',
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    'netns',
    netns,
  ]);
  await run(['ip', '-n', netns, 'link', 'set', 'eth0', 'up']);
  await run(['ethtool', '-K', 'eth0', 'tx', 'off', 'tso', 'off', 'gso', 'off', 'gro', 'off'], { netns });
  const vswitch = await startSwitch(netns, join(spec.directory, name));
  undo.push(() => vswitch.dispose());
  const ids = {
    'system-id': name,
    'ovn-remote': spec.sb.remote,
    'ovn-encap-type': 'geneve',
    'ovn-encap-ip': address,
    'ovn-bridge-datapath-type': 'netdev',
    'ovn-monitor-all': 'true',
  };
  await vswitch.vsctl(
    'set',
    'Open_vSwitch',
    '.',
    ...Object.entries(ids).map(([key, value]) => `external_ids:${key}="${value}"`),
  );
  // Tunnels of the netdev datapath leave only through an Open vSwitch bridge that holds the underlay's address.
  await vswitch.vsctl(
    'add-br',
    'br-ex',
    '--',
    'set',
    'Bridge',
    'br-ex',
    'datapath_type=netdev',
    '--',
    'add-port',
    'br-ex',
    'eth0',
  );
  await run(['ip', '-n', netns, 'addr', 'add', `${address}/24`, 'dev', 'br-ex']);
  await run(['ip', '-n', netns, 'link', 'set', 'br-ex', 'up']);
  const pidfile = join(vswitch.directory, 'ovn-controller.pid');
  const env = { OVS_RUNDIR: vswitch.directory, OVN_RUNDIR: vswitch.directory };
  const files = [`--pidfile=${pidfile}`, `--log-file=${join(vswitch.directory, 'ovn-controller.log')}`];
  await run(['ovn-controller', '--detach', '--no-chdir', '-vconsole:off', ...files, vswitch.db.remote], {
    netns,
    env,
  });
  undo.push(() => killPidfile(pidfile));
  return { name, netns, vswitch };
}
