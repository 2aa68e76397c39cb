import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '#drivers/command.ts';
import { raiseLab } from '#lab/daemons.ts';
import { takeDown } from '#lab/down.ts';
import { ensureDirectory } from '#lab/files.ts';
import { takeInventory } from '#lab/inventory.ts';
import { instancePaths, isAliasOf } from '#lab/names.ts';
import { claimMachineSubnet, observeLinks } from '#lab/network.ts';
import { composeLab, type LabPlan } from '#lab/plan.ts';
import { controlPlaneUser, ensureUser, type SystemUser } from '#lab/users.ts';
import { until } from '#lab/wait.ts';

const paths = instancePaths(`t${process.pid}`);
let plan: LabPlan;
let user: SystemUser;

beforeAll(async () => {
  user = await ensureUser(controlPlaneUser);
  ensureDirectory(paths.log, 0o755);
  for (const directory of [paths.ovn, paths.ovnRun, path.join(paths.log, 'ovn')]) {
    ensureDirectory(directory, 0o700, user);
  }
  const machineSubnet = await claimMachineSubnet(paths.instance);
  plan = composeLab({ paths, nodes: ['node1', 'node2'], machineSubnet, datapath: 'netdev' });
  await raiseLab(plan, user);
});

afterAll(async () => {
  await takeDown(paths, { keepState: false, progress: () => undefined });
});

/** Links and addresses of the nodes and of the machine's ends, without what the kernel changes by itself. */
async function snapshot(): Promise<unknown> {
  const spaces = [undefined, ...plan.nodes.map(({ netns }) => netns)];
  const views = await Promise.all(spaces.map((netns) => observeLinks(netns)));
  return views.map((links, index) =>
    links
      .filter(({ ifalias }) => index > 0 || isAliasOf(plan.instance, ifalias))
      .map(({ ifname, flags, master, ifalias, mtu, addr_info }) => ({
        ifname,
        isUp: flags.includes('UP'),
        master,
        ifalias,
        mtu,
        addresses: addr_info?.map(({ local, prefixlen }) => `${local}/${prefixlen}`),
      })),
  );
}

async function ping(from: string, to: string): Promise<string> {
  const { stdout } = await run(['busybox', 'ping', '-c', '3', '-i', '0.1', '-W', '1', to], { netns: from });
  return /\d+ packets transmitted.*/.exec(stdout)?.[0] ?? stdout;
}

test('nodes reach each other and the machine over br-ex, once for each packet', async () => {
  const [one, two] = plan.nodes;
  expect(await ping(one?.netns ?? '', two?.address ?? '')).toBe(
    '3 packets transmitted, 3 packets received, 0% packet loss',
  );
  expect(await ping(two?.netns ?? '', plan.machine.address)).toBe(
    '3 packets transmitted, 3 packets received, 0% packet loss',
  );
});

test('nodes reach each other and the machine over IPv6 too', async () => {
  const [one, two] = plan.nodes;
  for (const to of [two?.addresses[1], plan.machine.address6]) {
    expect(await ping(one?.netns ?? '', to ?? '')).toBe(
      '3 packets transmitted, 3 packets received, 0% packet loss',
    );
  }
});

test('both chassis register, with a tunnel to each other', async () => {
  const ports = (node: string) =>
    run(['ovs-vsctl', `--db=unix:${paths.run}/nodes/${node}/ovs/db.sock`, 'list-ports', 'br-int']);
  await until('tunnels', 10_000, async () => {
    const [one, two] = await Promise.all([ports('node1'), ports('node2')]);
    return one.stdout.includes('ovn-node2-0') && two.stdout.includes('ovn-node1-0');
  });
});

test('fragments are not put together by Open vSwitch, whose 3.1 hands what is left over to whom it does not concern', async () => {
  for (const { vswitchd } of plan.nodes) {
    const { stdout } = await run(['ovs-appctl', '-t', vswitchd.control, 'dpctl/ipf-get-status']);
    expect(stdout).toContain('Fragmentation Module Status');
    expect(stdout).not.toContain('enabled: 1');
  }
});

test('a second run changes nothing', async () => {
  const before = await snapshot();
  const pids = (await takeInventory(paths)).processes.map(({ pid }) => pid);
  await raiseLab(plan, user);
  expect(await snapshot()).toEqual(before);
  expect((await takeInventory(paths)).processes.map(({ pid }) => pid)).toEqual(pids);
});

test('what a run that was killed left undone is done by the next', async () => {
  const [node] = plan.nodes;
  const netns = node?.netns ?? '';
  const [key = '', value] = Object.entries(node?.sysctls ?? {})[0] ?? [];
  await run(['ethtool', '-K', 'eth0', 'tx', 'on', 'tso', 'on'], { netns });
  await run(['ip', '-n', netns, 'route', 'delete', 'default']);
  await run(['sysctl', '-q', '-w', `${key}=${value === '0' ? 1 : 0}`], { netns });
  await run(['ip', 'link', 'set', plan.physical.bridge, 'alias', '']);
  await raiseLab(plan, user);
  expect((await run(['ethtool', '-k', 'eth0'], { netns })).stdout).toContain('tcp-segmentation-offload: off');
  expect((await run(['ip', '-n', netns, 'route', 'show', 'default'])).stdout).toContain('dev br-ex');
  expect((await run(['sysctl', '-n', key], { netns })).stdout.trim()).toBe(value);
  expect((await takeInventory(paths)).links).toContain(plan.physical.bridge);
});

test('another MTU takes effect on running nodes, and full packets pass in both families', async () => {
  const composed = { paths, nodes: ['node1', 'node2'], datapath: 'netdev' } as const;
  const machineSubnet = Number(plan.machine.bridge.slice(2));
  await raiseLab(composeLab({ ...composed, machineSubnet, mtu: 9000 }), user);
  const netns = plan.nodes[0]?.netns ?? '';
  const mtuOf = async (name: string): Promise<number | undefined> =>
    (await observeLinks(netns)).find(({ ifname }) => ifname === name)?.mtu;
  await until(
    'the MTU',
    5_000,
    async () => (await mtuOf('br-ex')) === 9000 && (await mtuOf('br-gw')) === 9000,
  );
  expect(await mtuOf('eth0')).toBe(9000);
  for (const [address, headers] of [plan.nodes[1]?.addresses[0], plan.nodes[1]?.addresses[1]].map(
    (to, index) => [to ?? '', index === 0 ? 28 : 48] as const,
  )) {
    const { stdout } = await run(
      ['busybox', 'ping', '-c', '2', '-i', '0.1', '-W', '1', '-s', String(9000 - headers), address],
      { netns },
    );
    expect(stdout).toContain(' 0% packet loss');
  }
  await raiseLab(plan, user);
  await until('the MTU', 5_000, async () => (await mtuOf('br-ex')) === 1500);
});

test('what was killed or deleted is made again, without touching the rest', async () => {
  const vswitchd = Number(readFileSync(plan.nodes[0]?.vswitchd.pidFile ?? '', 'utf8'));
  process.kill(vswitchd, 'SIGKILL');
  await run(['ip', 'netns', 'delete', plan.nodes[1]?.netns ?? '']);
  await raiseLab(plan, user);
  await until('a ping', 10_000, async () =>
    (await ping(plan.nodes[0]?.netns ?? '', plan.machine.address).catch(() => '')).includes(
      ' 0% packet loss',
    ),
  );
});

test('taken down when half broken, nothing is left', async () => {
  const inventory = await takeInventory(paths);
  const victims = inventory.processes.filter(({ program }) =>
    ['ovn-northd', 'ovs-vswitchd'].includes(program),
  );
  for (const { pid } of victims) {
    process.kill(pid, 'SIGKILL');
  }
  await run(['rm', '-f', path.join(paths.ovnRun, 'ovn-nb.pid')]);
  await run(['ip', 'link', 'delete', plan.nodes[0]?.cables[1]?.machineEnd ?? '']);
  const { left } = await takeDown(paths, { keepState: false, progress: () => undefined });
  expect(left).toEqual([]);
  expect(await takeInventory(paths)).toEqual({
    processes: [],
    netns: [],
    links: [],
    mounts: [],
    nftTables: [],
    directories: [],
  });
});
