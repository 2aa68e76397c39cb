/** The connectivity and isolation matrix by `patchbay verify`, from inside guests and pods; and faults that it must notice. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pod } from '#api/core/pod.ts';
import { type Cluster, openCluster } from './cluster.ts';
import { makeWorld, namespaces, plain, removeWorld, tenant, twin } from './matrix-world.ts';
import { type CliResult, instance, patchbay } from './patchbay.ts';

interface Cell {
  readonly from: string;
  readonly to: string;
  readonly network: { readonly from: string; readonly to: string };
  readonly nodes: 'same' | 'other';
  readonly family: 'IPv4' | 'IPv6';
  readonly protocol: string;
  readonly size: string;
  readonly expect: string;
  readonly outcome: string;
  readonly seen: string;
  readonly proof?: string;
}

interface Report {
  readonly summary: Readonly<Record<string, number>>;
  readonly nics: readonly { readonly nic: string; readonly untested?: string }[];
  readonly cells: readonly Cell[];
}

let cluster: Cluster;
let result: CliResult;
let report: Report;

// Four others of each NIC: guest and pod, on its node and elsewhere.
const verify = (...args: readonly string[]): Promise<CliResult> =>
  patchbay(['verify', '--peers', '4', '--wait', '10', ...args]);
const reportOf = ({ stdout, stderr }: CliResult): Report => {
  expect(stdout, stderr).not.toBe('');
  return JSON.parse(stdout) as Report;
};

beforeAll(async () => {
  cluster = await openCluster();
  await makeWorld(cluster);
  result = await verify('-n', ...namespaces, '-o', 'json');
  report = reportOf(result);
}, 400_000);

afterAll(async () => {
  await removeWorld(cluster);
  cluster.close();
});

describe('the matrix', () => {
  test('is as expected, cell by cell', () => {
    const wrong = report.cells.filter(({ outcome }) => outcome !== 'ok');
    const lines = wrong.map(
      ({ from, to, family, protocol, size, outcome, seen }) =>
        `${from} > ${to} ${family} ${protocol} ${size}: ${outcome}, ${seen}`,
    );
    expect(lines).toEqual([]);
    expect(report.nics.filter(({ untested }) => untested !== undefined)).toEqual([]);
    expect(result.status).toBe(0);
  });

  const networks = [
    ['default', 'default'],
    ['layer 2', `${tenant}/l2`],
    ['localnet with VLAN', `${tenant}/vlan`],
    ['primary UDN', `${tenant}/primary`],
    ['secondary UDN', `${tenant}/udn`],
    ['secondary UDN, routed', `${tenant}/udn-routed`],
  ] as const;
  const kinds = ['pod', 'vm'] as const;
  const ways = kinds.flatMap((from) =>
    kinds.flatMap((to) => (['same', 'other'] as const).map((nodes) => `${from} > ${to}, ${nodes} node`)),
  );
  const checks = ['icmp small', 'icmp mtu', 'tcp small', 'tcp mtu', 'udp small'];

  test.each(networks)('%s: every way, protocol, size and family', (_name, network) => {
    const seen = new Set(
      report.cells
        .filter(
          ({ outcome, expect: wanted, from, to }) => outcome === 'ok' && wanted === 'reach' && from !== to,
        )
        .filter(({ network: { from, to } }) => from === network && to === network)
        .map(
          ({ from, to, nodes, protocol, size, family }) =>
            `${kindOf(from)} > ${kindOf(to)}, ${nodes} node: ${protocol} ${size} ${family}`,
        ),
    );
    const expected = ways.flatMap((way) =>
      checks.flatMap((check) => ['IPv4', 'IPv6'].map((family) => `${way}: ${check} ${family}`)),
    );
    expect([...seen].toSorted()).toEqual(expected.toSorted());
  });

  test.each([
    ['tenants with the same subnets', `${tenant}/primary`, `${twin}/primary`, ['tcp', 'udp']],
    ['two layer 2 networks with the same subnets', `${tenant}/l2`, `${plain}/l2`, ['tcp', 'udp']],
    ['another VLAN of the wire, same subnets', `${tenant}/vlan`, `${plain}/vlan`, ['tcp', 'udp']],
    ['the default network and a primary one', 'default', `${tenant}/primary`, ['icmp', 'tcp', 'udp']],
    ['the default network and a localnet', 'default', `${tenant}/vlan`, ['icmp']],
  ])('%s are apart, both ways, in both families', (_name, one, other, protocols) => {
    for (const [from, to] of [
      [one, other],
      [other, one],
    ]) {
      const cells = report.cells.filter(
        ({ network, expect: wanted, outcome }) =>
          network.from === from && network.to === to && wanted === 'no-reach' && outcome === 'ok',
      );
      for (const protocol of protocols) {
        const own = cells.filter((cell) => cell.protocol === protocol);
        expect(new Set(own.map(({ family }) => family)), `${from} > ${to} ${protocol}`).toContain('IPv4');
        expect(own.every(({ proof }) => proof !== undefined)).toBe(true);
      }
    }
    const tried = report.cells
      .filter(({ expect: wanted }) => wanted === 'no-reach')
      .map(({ family }) => family);
    expect(new Set(tried)).toEqual(new Set(['IPv4', 'IPv6']));
  });
});

describe('a planted fault', () => {
  const netnsOf = async (namespace: string, name: string): Promise<string> => {
    const { metadata, spec } = await cluster.client.get(pod, { namespace, name });
    return `${instance}.${spec?.nodeName ?? ''}.${metadata.uid ?? ''}`;
  };

  test('that cuts is named: exit 1, in words and in JSON', async () => {
    const choice = ['--pod', `${plain}/p`, `${plain}/r`, '--network', 'default'];
    const inP = (...argv: readonly string[]): Promise<CliResult> => cluster.inPod(plain, 'p', argv);
    expect((await inP('nft', 'add table ip cut')).status).toBe(0);
    await inP('nft', 'add chain ip cut in { type filter hook input priority 0; }');
    await inP('nft', 'add rule ip cut in meta l4proto tcp tcp flags syn / fin,syn,rst,ack drop');
    try {
      const told = await patchbay(['verify', ...choice, '--wait', '2']);
      expect(told.status).toBe(1);
      expect(told.stdout).toMatch(
        new RegExp(
          `pod ${plain}/r:eth0 -> pod ${plain}/p:eth0 \\(\\S+ port \\d+\\) tcp IPv4: expected reach`,
        ),
      );
      expect(told.stdout).not.toMatch(new RegExp(`pod ${plain}/p:eth0 -> pod ${plain}/r:eth0 .*expected`));
    } finally {
      await inP('nft', 'delete table ip cut');
    }
    expect((await verify(...choice)).status).toBe(0);
  });

  test('that joins what must be apart is named', async () => {
    const [one, other] = [await netnsOf(plain, 'p'), await netnsOf(twin, 'r')];
    const network = JSON.parse(
      (await cluster.client.get(pod, { namespace: twin, name: 'r' })).metadata.annotations?.[
        'k8s.ovn.org/pod-networks'
      ] ?? '{}',
    ) as Readonly<Record<string, { readonly ip_addresses: readonly string[] }>>;
    const address = network[`${twin}/primary`]?.ip_addresses[0]?.split('/')[0] ?? '';
    const own = (await cluster.client.get(pod, { namespace: plain, name: 'p' })).status?.podIP ?? '';
    const ip = (...args: readonly string[]): Promise<CliResult> => cluster.inPod(plain, 'p', ['ip', ...args]);
    expect(
      (await ip('link', 'add', 'leak', 'type', 'veth', 'peer', 'name', 'leak', 'netns', other)).status,
    ).toBe(0);
    try {
      await ip('link', 'set', 'leak', 'up');
      await ip('route', 'add', address, 'dev', 'leak');
      for (const args of [
        ['link', 'set', 'leak', 'up'],
        ['route', 'add', own, 'dev', 'leak'],
      ]) {
        await cluster.inPod(twin, 'r', ['ip', ...args]);
      }
      const choice = ['--pod', `${plain}/p`, `${twin}/r`, '--network', 'default', `${twin}/primary`];
      const told = await verify(...choice);
      expect(told.status, `${one} ${told.stdout}`).toBe(1);
      expect(told.stdout).toMatch(
        new RegExp(
          `pod ${plain}/p:eth0 -> pod ${twin}/r:ovn-udn1 .* tcp IPv4: expected no-reach .*, answered`,
        ),
      );
    } finally {
      await ip('link', 'del', 'leak');
    }
  });

  test('an interrupt ends it with 2 and leaves no listener', async () => {
    const launcher = path.resolve(import.meta.dirname, '../../bin/patchbay');
    const args = ['verify', '--name', instance, '--pod', `${plain}/p`, `${plain}/q`, `${plain}/r`];
    const child = spawn(launcher, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const listeners = async (): Promise<string> => (await cluster.inPod(plain, 'r', ['ss', '-Hlntu'])).stdout;
    await expect.poll(listeners, { timeout: 20_000, interval: 20 }).not.toBe('');
    child.kill('SIGINT');
    expect(await ended).toBe(2);
    await expect.poll(listeners, { timeout: 5_000 }).toBe('');
  });

  test('what cannot be run says why and exits with 2', async () => {
    const nothing = await verify('-n', 'no-such-namespace');
    expect([nothing.status, nothing.stderr]).toEqual([2, expect.stringContaining('of 0 NICs')]);
    const nowhere = await patchbay(['verify', '--name', 'nowhere'], { bare: true });
    expect([nowhere.status, nowhere.stderr]).toEqual([2, expect.stringContaining('is not up')]);
  });
});

function kindOf(nic: string): string {
  return nic.split(' ')[0] ?? '';
}
