/** Everything that an instance has on this machine, so that what is left over shows in a comparison. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { lease } from '#api/coordination.k8s.io/lease.ts';
import { type Cluster, execute } from './cluster.ts';
import { instance } from './patchbay.ts';

/** Sorted names of what there is, by kind of thing. */
export type Belongings = Readonly<Record<string, readonly string[]>>;

const nodes = ['node1', 'node2'];
const run = `/run/patchbay/${instance}`;

/** Looks everywhere. Names only: indexes, counters and times are no residue. */
export async function belongings(cluster: Cluster): Promise<Belongings> {
  const perNode = await Promise.all(nodes.map((node) => nodeBelongings(node)));
  const { processes } = await cluster.status();
  const found: Record<string, readonly string[]> = {
    'network namespaces': (await lines(['ls', '/run/netns'])).filter((name) =>
      name.startsWith(`${instance}.`),
    ),
    'machine links': await machineLinks(),
    'machine nft tables': (await lines(['nft', 'list', 'tables'])).filter((line) =>
      line.includes(`-${instance}`),
    ),
    leases: (await cluster.client.list(lease)).items.map(({ metadata }) => metadata.name),
    processes: processes
      .map(({ name, node }) => `${name} ${node ?? ''}`)
      .filter((name) => !name.includes('helper')),
    files: filesBelow(run).filter((file) => !/\.ctl$|^state\//.test(file)),
    'state files': filesBelow(`/var/lib/patchbay/${instance}/nodes`).map(withoutTime),
    'control groups': await cgroups(),
    ...(await rowsOf('ovn/nb.sock', 'OVN_Northbound', northbound)),
    ...(await rowsOf('ovn/sb.sock', 'OVN_Southbound', southbound)),
    ...Object.assign({}, ...perNode),
  };
  return Object.fromEntries(Object.entries(found).map(([what, names]) => [what, names.toSorted()]));
}

/** What is in one and not in the other, as lines; none when nothing is left and nothing is missing. */
export function residue(before: Belongings, after: Belongings): readonly string[] {
  return Object.keys({ ...before, ...after }).flatMap((what) => {
    const [had, has] = [before[what] ?? [], after[what] ?? []];
    return [
      ...without(has, had).map((name) => `left over, ${what}: ${name}`),
      ...without(had, has).map((name) => `missing, ${what}: ${name}`),
    ];
  });
}

function without(names: readonly string[], others: readonly string[]): readonly string[] {
  const rest = [...others];
  return names.filter((name) => {
    const at = rest.indexOf(name);
    if (at !== -1) {
      rest.splice(at, 1);
    }
    return at === -1;
  });
}

async function nodeBelongings(node: string): Promise<Belongings> {
  const inside = ['nsenter', `--net=/run/netns/${instance}.${node}`, '--'];
  const [links, addresses, routes, rules, tables] = await Promise.all([
    lines([...inside, 'ip', '-br', 'link']),
    lines([...inside, 'ip', '-br', 'address']),
    lines([...inside, 'ip', 'route', 'show', 'table', 'all']),
    lines([...inside, 'ip', 'rule']),
    lines([...inside, 'nft', 'list', 'ruleset']),
  ]);
  const db = `--db=unix:${run}/nodes/${node}/ovs/db.sock`;
  const ports = await lines(['ovs-vsctl', db, '--bare', '--columns=name', 'list', 'Interface']);
  const flows = await lines([
    'ovs-ofctl',
    '--no-names',
    'dump-flows',
    `unix:${run}/nodes/${node}/ovs/br-int.mgmt`,
    '--no-stats',
  ]);
  return {
    [`${node} links`]: links.map(firstWord),
    [`${node} addresses`]: addresses
      .filter((line) => !line.includes('@'))
      .map((line) => line.replaceAll(/fe80:\S+/g, '')),
    [`${node} routes`]: routes.filter((line) => !/fe80|multicast|ff00/.test(line)),
    [`${node} rules`]: rules,
    [`${node} nft`]: tables.map((line) => line.replaceAll(/packets \d+ bytes \d+/g, '')),
    [`${node} ports`]: ports.filter((name) => !name.startsWith('ovn-')),
    // Keys of datapaths and ports are given anew; how many flows there are is what matters.
    [`${node} flows`]: [String(flows.length)],
  };
}

const northbound = {
  Logical_Switch: 'name',
  Logical_Switch_Port: 'name',
  Logical_Router: 'name',
  Logical_Router_Port: 'name',
  Logical_Router_Static_Route: 'ip_prefix',
  Logical_Router_Policy: 'match',
  NAT: 'logical_ip',
  DHCP_Options: 'cidr',
  ACL: 'match',
  Port_Group: 'name',
  Address_Set: 'name',
  Load_Balancer: 'name',
};
const southbound = {
  Port_Binding: 'logical_port',
  Datapath_Binding: 'external_ids',
  Chassis: 'name',
  DHCP_Options: 'name',
  Port_Group: 'name',
  Address_Set: 'name',
};

interface Selected {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

async function rowsOf(
  socket: string,
  database: string,
  tables: Readonly<Record<string, string>>,
): Promise<Belongings> {
  const selects = Object.entries(tables).map(([table, column]) => ({
    op: 'select',
    table,
    where: [],
    columns: [column],
  }));
  const [text = '[]'] = await lines([
    'ovsdb-client',
    'transact',
    `unix:${run}/${socket}`,
    JSON.stringify([database, ...selects]),
  ]);
  const answers = JSON.parse(text) as readonly Selected[];
  return Object.fromEntries(
    Object.entries(tables).map(([table, column], index) => [
      `${database} ${table}`,
      (answers[index]?.rows ?? []).map((row) => nameOf(row[column])),
    ]),
  );
}

/** Names as they are; of maps only what names something, for they hold UUIDs as well. */
function nameOf(value: unknown): string {
  return typeof value === 'string' ? value : (/\["name","([^"]+)"\]/.exec(JSON.stringify(value))?.[1] ?? '');
}

/** Links of the machine itself that are of this instance, and not of another one beside it. */
async function machineLinks(): Promise<readonly string[]> {
  const [text = '[]'] = await lines(['ip', '-j', 'link']);
  const links = JSON.parse(text) as readonly { readonly ifname: string; readonly ifalias?: string }[];
  const own = `patchbay:${instance}`;
  return links
    .filter(({ ifalias = '' }) => ifalias === own || ifalias.startsWith(`${own}.`))
    .map(({ ifname }) => ifname);
}

async function cgroups(): Promise<readonly string[]> {
  const found = await lines(['find', '/sys/fs/cgroup', '-type', 'd', '-name', `*${instance}.*`]);
  return found.map((file) => path.relative('/sys/fs/cgroup', file));
}

/** Files and directories, but for those that an agent makes at first use and keeps: `nodes/node1/pods`. */
function filesBelow(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true })
    .map(String)
    .filter((file) => !/(^|\/)node\d+\/[a-z]+$/.test(file));
}

async function lines(argv: readonly string[]): Promise<readonly string[]> {
  const { status, stdout, stderr } = await execute(argv);
  if (status !== 0) {
    throw new Error(`${argv.join(' ')}: ${stderr}`);
  }
  return stdout.split('\n').filter((line) => line !== '');
}

function firstWord(line: string): string {
  return (line.split(' ')[0] ?? '').replace(/@.*/, '');
}

/** Volumes are written anew beside the old ones, in a directory named after the time, when a token is renewed. */
function withoutTime(file: string): string {
  return file.replace(/\/\.\.\d{4}_[^/]+/, '/..time');
}
