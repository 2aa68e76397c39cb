/** The connectivity and isolation matrix by `patchbay verify`, from inside guests and pods; and faults that it must notice. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pod } from '#api/core/pod.ts';
import { type Cluster, openCluster } from './cluster.ts';
import { type Cell, causesOf, echoesIn, kindOf, type Report, waysBetween } from './matrix-report.ts';
import { makeWorld, plain, removeWorld, tenant, twin } from './matrix-world.ts';
import { type CliResult, instance, patchbay } from './patchbay.ts';

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

const networks = [
  ['default', 'default'],
  ['layer 2', `${tenant}/l2`],
  ['localnet with VLAN', `${tenant}/vlan`],
  ['primary UDN', `${tenant}/primary`],
  ['secondary UDN', `${tenant}/udn`],
  ['secondary UDN, routed', `${tenant}/udn-routed`],
] as const;

beforeAll(async () => {
  cluster = await openCluster();
  await makeWorld(cluster);
  // What must be apart from these is measured below, two networks at a time.
  const chosen = ['-n', tenant, plain, '--network', ...networks.map(([, network]) => network)];
  result = await verify(...chosen, '--expect', 'reach', '-o', 'json');
  report = reportOf(result);
}, 600_000);

afterAll(async () => {
  await removeWorld(cluster);
  cluster.close();
});

const kinds = ['pod', 'vm'] as const;

describe('the matrix', () => {
  test('is as expected, cell by cell', () => {
    expect(causesOf(report)).toEqual([]);
    expect(report.nics.filter(({ untested }) => untested !== undefined)).toEqual([]);
    expect(result.status).toBe(0);
  });

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
});

const families = ['IPv4', 'IPv6'] as const;
interface Apart {
  readonly name: string;
  readonly one: string;
  readonly other: string;
  /** Ways from the other to the one that cannot be tried. */
  readonly notBack?: RegExp;
}

/**
 * Networks that must be apart, measured together. From a secondary network nothing leads to other subnets, so IPv6 has
 * nowhere to send; on a pod's own node `eth0` is nearer to the default network than its primary network's card.
 */
const apart: readonly { readonly over: readonly string[]; readonly pairs: readonly Apart[] }[] = [
  {
    over: [tenant, twin],
    pairs: [
      { name: 'tenants with the same subnets', one: `${tenant}/primary`, other: `${twin}/primary` },
      { name: 'secondary UDNs of two tenants, same subnets', one: `${tenant}/udn`, other: `${twin}/udn` },
    ],
  },
  {
    over: [tenant, plain],
    pairs: [
      { name: 'two layer 2 networks with the same subnets', one: `${tenant}/l2`, other: `${plain}/l2` },
      {
        name: 'wrong VLAN: another one of the wire, same subnets',
        ...{ one: `${tenant}/vlan`, other: `${plain}/vlan` },
      },
    ],
  },
  {
    over: [plain, tenant],
    pairs: [
      {
        name: 'the default network and a primary one',
        ...{ one: 'default', other: `${tenant}/primary`, notBack: /^pod, same node, IPv6$/ },
      },
      {
        name: 'the default network and a secondary UDN',
        ...{ one: 'default', other: `${tenant}/udn`, notBack: /IPv6$/ },
      },
      {
        name: 'the default network and a localnet',
        ...{ one: 'default', other: `${tenant}/vlan`, notBack: /IPv6$/ },
      },
    ],
  },
];
const none = /^$/;

describe.each(apart)('apart: $pairs.0.name, and more', ({ over, pairs }) => {
  let seen: Report;
  beforeAll(async () => {
    const measured = [...new Set(pairs.flatMap(({ one, other }) => [one, other]))];
    // Of each other network a NIC on the source's node and one elsewhere: the default one is there twice, open and closed.
    const peers = String(2 * (measured.length + 1));
    const chosen = ['-n', ...over, '--network', ...measured, '--expect', 'no-reach', '--peers', peers];
    seen = reportOf(await verify(...chosen, '-o', 'json'));
  }, 200_000);

  test('no cell differs', () => expect(causesOf(seen)).toEqual([]));

  const ways = pairs.flatMap(({ name, one, other, notBack = none }) => [
    { name, from: one, to: other, not: none },
    { name, from: other, to: one, not: notBack },
  ]);
  test.each(ways)(
    '$name: $from to $to, every kind of source, from the same node and another, in both families',
    ({ from, to, not }) => {
      const tried = seen.cells.filter(
        (cell) => cell.expect === 'no-reach' && cell.network.from === from && cell.network.to === to,
      );
      const isProved = ({ outcome, proof }: Cell): boolean => outcome === 'ok' && proof !== undefined;
      const told = new Set(
        tried.filter(isProved).map((cell) => `${kindOf(cell.from)}, ${cell.nodes} node, ${cell.family}`),
      );
      expect([...told].toSorted()).toEqual(waysBetween(seen, from, to).filter((way) => !not.test(way)));
    },
  );
});

describe.each(networks)('spoofing on %s', (_name, network) => {
  test.each(kinds.flatMap((kind) => families.map((family) => [kind, family] as const)))(
    'from a %s in %s: what says it comes from an address of nobody does not arrive',
    async (kind, family) => {
      const isFamily = (address: string): boolean => address.includes(':') === (family === 'IPv6');
      const nics = report.nics.filter((nic) => nic.network === network && nic.networkKind !== 'locked');
      const source = nics.find((nic) => nic.kind === kind && nic.node === 'node1');
      const target = nics.find((nic) => nic.kind === 'pod' && nic.node === 'node2');
      const [own, to] = [source, target].map((nic) => nic?.addresses.find(isFamily) ?? '');
      if (source === undefined || target === undefined || own === undefined || to === undefined) {
        return expect.fail(`${network} has no ${kind} on node1, or no pod on node2`);
      }
      const run = async (script: string, ...words: readonly string[]): Promise<number> => {
        const { namespace, name } = source;
        const done =
          kind === 'vm'
            ? (await cluster.guest(namespace, name, script, ...words)).exitCode
            : (await cluster.inPod(namespace, name, ['sh', '-c', script, 'sh', ...words])).status;
        return done;
      };
      const arrived = async (): Promise<number> => {
        const { namespace, name } = target;
        const { stdout } = await cluster.inPod(namespace, name, ['cat', '/proc/net/snmp', '/proc/net/snmp6']);
        return echoesIn(stdout, family);
      };
      const none = family === 'IPv4' ? own.replace(/\d+$/, '222') : `${own.split('::')[0]}::dede`;
      const [ip, ping] = ['ip addr', 'busybox ping -c 1 -W 1'];
      const before = await arrived();
      expect(await run(`${ping} -I "$1" "$2"`, source.device, to)).toBe(0);
      const honest = await arrived();
      expect(honest).toBeGreaterThan(before);
      const at = family === 'IPv4' ? `${none}/32` : `${none}/128`;
      try {
        // Without duplicate address detection the address may be used at once; in guests there is none.
        const noDad = family === 'IPv6' && kind === 'pod' ? 'nodad' : '';
        expect(await run(`${ip} add "$1" dev "$2" ${noDad}`, at, source.device)).toBe(0);
        expect(await run(`${ping} -I "$1" "$2"`, none, to)).not.toBe(0);
      } finally {
        await run(`${ip} del "$1" dev "$2"`, at, source.device);
      }
      expect(await arrived()).toBe(honest);
    },
  );
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
