/** What must not change while nothing is asked for: versions of API objects and of rows, and what the kernel tells. */
import { spawn } from 'node:child_process';
import { expect } from 'vitest';
import { kinds } from '#api/kinds.ts';
import { type Cluster, execute } from './cluster.ts';
import { instance } from './patchbay.ts';

/** Version of every object of the API but leases and events, which say that time passes. */
export async function apiVersions({ client }: Cluster): Promise<readonly string[]> {
  const counted = kinds.filter(({ kind }) => !['Lease', 'Event'].includes(kind));
  const lists = await Promise.all(
    counted.map(async (kind) => {
      const { items } = await client.list(kind);
      return items.map(
        ({ metadata }) =>
          `${kind.kind} ${metadata.namespace ?? ''}/${metadata.name} ${metadata.resourceVersion}`,
      );
    }),
  );
  return lists.flat();
}

const northbound = [
  'Logical_Switch',
  'Logical_Switch_Port',
  'Logical_Router',
  'Logical_Router_Port',
  'Logical_Router_Static_Route',
  'Logical_Router_Policy',
  'NAT',
  'DHCP_Options',
  'ACL',
  'Port_Group',
  'Gateway_Chassis',
];
/** What northd and the controllers derive from it. MAC_Binding is learned from packets. */
const southbound = ['Port_Binding', 'Datapath_Binding', 'Logical_Flow', 'Chassis', 'Encap', 'DHCP_Options'];

/** Versions of the rows that agents, fabric, northd and the controllers write. */
export async function rowVersions(): Promise<readonly string[]> {
  const run = `/run/patchbay/${instance}`;
  const select = (database: string, tables: readonly string[]): string =>
    JSON.stringify([
      database,
      ...tables.map((table) => ({ op: 'select', table, where: [], columns: ['_uuid', '_version'] })),
    ]);
  const asked = [
    ...['node1', 'node2'].map((node) => [
      `unix:${run}/nodes/${node}/ovs/db.sock`,
      select('Open_vSwitch', ['Bridge', 'Port']),
    ]),
    [`unix:${run}/ovn/nb.sock`, select('OVN_Northbound', northbound)],
    [`unix:${run}/ovn/sb.sock`, select('OVN_Southbound', southbound)],
  ];
  return Promise.all(
    asked.map(async (words) => {
      const { status, stdout, stderr } = await execute(['ovsdb-client', 'transact', ...words]);
      expect(`${status} ${stderr}`).toBe('0 ');
      expect(stdout).toContain('_version');
      return stdout;
    }),
  );
}

/** Changes of links, addresses, routes and nftables in a namespace while `action` runs. */
export async function kernelChanges(netns: string, action: () => Promise<void>): Promise<string> {
  const watches = [
    ['ip', '-o', 'monitor', 'link', 'address', 'route'],
    ['nft', 'monitor'],
  ].map((argv) => {
    const child = spawn('nsenter', [`--net=/run/netns/${netns}`, '--', ...argv], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const seen: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => seen.push(chunk));
    const closed = new Promise((resolve) => child.once('close', resolve));
    return { child, seen, closed };
  });
  await action();
  const texts = await Promise.all(
    watches.map(async ({ child, seen, closed }) => {
      child.kill('SIGTERM');
      await closed;
      return Buffer.concat(seen).toString();
    }),
  );
  return texts.join('');
}
