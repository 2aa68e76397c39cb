/** What the kernel can, found out by trying in network namespaces of our own; modules are never loaded by name. */
import { run } from '#drivers/command.ts';
import { messageOf } from '#machinery/errors.ts';
import type { ProbeRecord } from './record.ts';

/** One thing to try: lines for `ip -batch`, all of which must succeed. */
interface Trial {
  readonly name: string;
  readonly lines: readonly string[];
  readonly present: string;
  readonly missing: string;
  readonly why: string;
  readonly remedy?: string;
}

const stockKernel = "a kernel with this option, such as Debian's linux-image-amd64";

const trials: readonly Trial[] = [
  {
    name: 'bridge-vlan-filtering',
    lines: ['link add name b0 type bridge vlan_filtering 1'],
    present: 'linux-bridge',
    missing: 'ovs-bridge',
    why: 'a Linux bridge with VLANs is realised by an Open vSwitch bridge of the same name',
    remedy: stockKernel,
  },
  {
    name: 'vlan-devices',
    lines: ['link add name v0 type veth peer name v1', 'link add link v0 name v0.5 type vlan id 5'],
    present: '8021q',
    missing: 'ovs-port',
    why: 'VLANs are tags of Open vSwitch ports; interfaces of type vlan on a NIC are refused',
    remedy: stockKernel,
  },
  {
    name: 'bonding',
    lines: ['link add name bond9 type bond'],
    present: 'bonding',
    missing: 'none',
    why: 'interfaces of type bond are refused',
    remedy: stockKernel,
  },
  {
    name: 'dummy',
    lines: ['link add name d0 type dummy'],
    present: 'dummy',
    missing: 'ifb',
    why: 'the place of a pod interface that went to a guest is held by an ifb device',
  },
];

/** Tries everything. Needs root; what cannot be tried counts as missing, with the reason. */
export async function probeKernel(): Promise<readonly ProbeRecord[]> {
  const records = await Promise.all(trials.map(tryOut));
  return [...records, await probeOvsDatapath()];
}

async function tryOut({ name, lines, present, missing, why, remedy }: Trial): Promise<ProbeRecord> {
  try {
    // The namespace has no name and ends with the command, whatever becomes of us meanwhile.
    await run(['unshare', '--net', '--', 'ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
    return { name, present: true, chosen: present, why: `the kernel has it` };
  } catch (error) {
    const text = messageOf(error);
    const answer = /(?:Error|RTNETLINK answers): (.*)/.exec(text)?.[1] ?? text;
    return {
      name,
      present: false,
      chosen: missing,
      why: `the kernel says "${answer}": ${why}`,
      ...(remedy !== undefined && { remedy }),
    };
  }
}

/** The kernel looks the module up by itself when its netlink family is asked for. */
export async function probeOvsDatapath(): Promise<ProbeRecord> {
  const name = 'ovs-datapath';
  try {
    await run(['ovs-dpctl', 'dump-dps'], { timeoutMs: 5000 });
    return { name, present: true, chosen: 'system', why: "the kernel has Open vSwitch's datapath" };
  } catch (error) {
    return {
      name,
      present: false,
      chosen: 'netdev',
      why: `the kernel has no datapath of Open vSwitch: it forwards in user space, with offloads off and the pod MTU 100 below the underlay's (${said(error)})`,
      remedy: stockKernel,
    };
  }
}

/** The first line of what the command wrote, without its time: the same for the same machine. */
function said(error: unknown): string {
  const line = messageOf(error).split('\n')[0] ?? '';
  return line.replace(/^.*\|(?:WARN|INFO|ERR)\|/, '').slice(0, 160);
}

/** Datapath that OVN is told to use on this node: `netdev` or `system`. */
export async function nodeDatapath(ovsDb: string): Promise<'netdev' | 'system'> {
  const { stdout } = await run([
    'ovs-vsctl',
    `--db=${ovsDb}`,
    '--timeout=10',
    '--if-exists',
    'get',
    'Open_vSwitch',
    '.',
    'external_ids:ovn-bridge-datapath-type',
  ]);
  return stdout.includes('netdev') ? 'netdev' : 'system';
}
