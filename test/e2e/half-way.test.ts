/** Machines that are interrupted half way: the agent dies while it starts one, or one is deleted while it boots. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pod } from '#api/core/pod.ts';
import { bridgeNad, type Cluster, execute, openCluster, prepare, vmManifest } from './cluster.ts';
import { instance } from './patchbay.ts';

const namespace = 'half-way';
let cluster: Cluster;

beforeAll(async () => {
  cluster = await openCluster();
  await prepare(cluster, namespace);
  await cluster.must(['create', '-f', '-'], bridgeNad(namespace, 'vlan100', { vlan: 100 }));
});

afterAll(async () => {
  await cluster.must(['delete', 'namespace', namespace, '--timeout=60s']);
  cluster.close();
});

const lines = async (...argv: readonly string[]): Promise<readonly string[]> =>
  (await execute(argv)).stdout.split('\n').filter((line) => line !== '');
const machines = (vm: string): Promise<readonly string[]> =>
  lines('pgrep', '-f', `guest=${namespace}_${vm},`);
/** Names of sandboxes' namespaces on node1, by what `ip` prints: `<name> (id: 3)`. */
const sandboxes = (): Promise<readonly string[]> =>
  lines('find', '/run/netns', '-name', `${instance}.node1.*`);

/** How far the start of a machine is when it is interrupted. */
const moments = {
  bound: async () => {
    const { items } = await cluster.client.list(pod, { namespace });
    return items.some(({ spec }) => spec.nodeName !== undefined);
  },
  'in its sandbox': async () => (await sandboxes()).length > 0,
  booting: async () => (await lines('pgrep', '-f', `guest=${namespace}_`)).length > 0,
} as const;

async function start(name: string, moment: keyof typeof moments): Promise<void> {
  const nics = [{ name: 'lan', network: 'vlan100', address: '10.6.0.1/24' }];
  await cluster.must(['create', '-f', '-'], vmManifest({ namespace, name, node: 'node1', nics }));
  await expect.poll(moments[moment], { timeout: 20_000, interval: 5 }).toBe(true);
}

/** Deletes the machine, and nothing of it may be left: no process, sandbox, port. */
async function clearAway(name: string): Promise<void> {
  await cluster.must(['delete', '-n', namespace, `vm/${name}`, '--timeout=60s']);
  expect([await machines(name), await sandboxes()]).toEqual([[], []]);
  const db = `--db=unix:/run/patchbay/${instance}/nodes/node1/ovs/db.sock`;
  expect(await lines('ovs-vsctl', db, 'list-ports', 'br1')).toEqual(['eth1']);
}

test.each(['bound', 'in its sandbox', 'booting'] as const)(
  'the agent is killed when the machine is %s',
  async (moment) => {
    const name = `killed-${Object.keys(moments).indexOf(moment)}`;
    await start(name, moment);
    const { processes } = await cluster.status();
    const agent = processes.find((one) => one.node === 'node1' && /agent/.test(one.name));
    if (agent === undefined) throw new Error('status lists no agent of node1');
    process.kill(agent.pid, 'SIGKILL');
    await cluster.must([
      'wait',
      '-n',
      namespace,
      `vmi/${name}`,
      '--for=condition=AgentConnected',
      '--timeout=60s',
    ]);
    expect([(await machines(name)).length, (await sandboxes()).length]).toEqual([1, 1]);
    await clearAway(name);
  },
);

test.each(['bound', 'in its sandbox', 'booting'] as const)('it is deleted when it is %s', async (moment) => {
  const name = `deleted-${Object.keys(moments).indexOf(moment)}`;
  await start(name, moment);
  await clearAway(name);
});
