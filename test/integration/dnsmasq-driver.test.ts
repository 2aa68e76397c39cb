import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { dhcpContract } from '#drivers/dnsmasq/contract.ts';
import { findProcess } from '#drivers/dnsmasq/process.ts';
import { createDhcpDriver } from '#drivers/dnsmasq/real.ts';
import type { DhcpServer } from '#node-state/dhcp.ts';

const scope = 't-dhcp.sandbox';
const guest = 't-dhcp-guest';
const runDir = mkdtempSync(path.join(tmpdir(), 'patchbay-dhcp-'));
const script = path.join(runDir, 'print.sh');
const ip = (...argv: string[]): string => execFileSync('ip', argv, { encoding: 'utf8' });

const server: DhcpServer = {
  kind: 'dhcp-server',
  netns: scope,
  link: 'k6t-eth0',
  v4: { address: '10.0.2.2', prefixLength: 24, router: '10.0.2.1' },
  mtu: 1400,
  dns: ['172.30.0.10'],
  searchDomains: ['demo.svc.cluster.local', 'cluster.local'],
  hostname: 'vm-a',
};

describe('dnsmasq driver', () => {
  const driver = createDhcpDriver({ runDir });

  beforeAll(() => {
    writeFileSync(script, '#!/bin/sh\n[ "$1" != bound ] || env\n', { mode: 0o755 });
    ip('netns', 'add', scope);
    ip('netns', 'add', guest);
    ip('-n', scope, 'link', 'add', 'k6t-eth0', 'up', 'type', 'bridge');
    ip('-n', scope, 'addr', 'add', '10.0.2.1/24', 'dev', 'k6t-eth0');
    ip('-n', scope, 'addr', 'add', 'fd10:0:2::1/120', 'dev', 'k6t-eth0', 'nodad');
    ip('-n', scope, 'link', 'add', 'k6t-x', 'up', 'type', 'bridge');
    ip('-n', scope, 'addr', 'add', '169.254.75.11/32', 'dev', 'k6t-x');
    for (const [bridge, name] of [
      ['k6t-eth0', 'eth0'],
      ['k6t-x', 'eth1'],
    ] as const) {
      ip('-n', guest, 'link', 'add', name, 'type', 'veth', 'peer', 'name', `t-${name}`, 'netns', scope);
      ip('-n', scope, 'link', 'set', `t-${name}`, 'master', bridge, 'up');
    }
    ip('-n', guest, 'link', 'set', 'eth0', 'up');
    ip('-n', guest, 'link', 'set', 'eth1', 'address', '02:00:0a:02:02:03', 'up');
  });
  afterEach(async () => {
    const servers = await driver.observe(scope);
    await driver.apply(servers.map((from) => ({ op: 'delete', from })));
  });
  afterAll(() => {
    ip('netns', 'del', scope);
    ip('netns', 'del', guest);
    rmSync(runDir, { recursive: true, force: true });
  });

  describe('contract', () => dhcpContract(() => ({ driver, scope })));

  describe('answers', () => {
    beforeEach(async () => {
      const outcomes = await driver.apply([{ op: 'create', to: server }]);
      expect(outcomes.map(({ error }) => error)).toEqual([undefined]);
    });

    it('leases the guest address at once, with the options', async () => {
      const answer = discover('eth0');
      expect(answer).toMatchObject({
        ip: '10.0.2.2',
        subnet: '255.255.255.0',
        router: '10.0.2.1',
        dns: '172.30.0.10',
        hostname: 'vm-a',
        mtu: '1400',
        domain: 'demo.svc.cluster.local',
        search: 'demo.svc.cluster.local cluster.local',
      });
      expect(await driver.leases(scope, 'k6t-eth0')).toMatchObject([{ address: '10.0.2.2' }]);
    });

    it('is found again by another driver, which starts nothing', async () => {
      const again = createDhcpDriver({ runDir });
      expect(await again.observe(scope)).toEqual([server]);
      expect(await again.scopes()).toEqual([scope]);
      const record = path.join(runDir, `${scope}~k6t-eth0`, 'server.json');
      const before = statSync(record).mtimeMs;
      await again.apply([{ op: 'create', to: server }]);
      expect(statSync(record).mtimeMs).toBe(before);
      expect(statSync(record).mode & 0o777).toBe(0o600);
    });
  });

  it.each([
    [
      'ended',
      (directory: string) =>
        process.kill(Number(readFileSync(path.join(directory, 'pid'), 'utf8')), 'SIGKILL'),
    ],
    ['taken away in part', (directory: string) => rmSync(path.join(directory, 'server.json'))],
  ])('a server that its driver died over while it was %s is ended by the next', async (_when, cut) => {
    await driver.apply([{ op: 'create', to: server }]);
    const directory = path.join(runDir, `${scope}~${server.link}`);
    const pid = Number(readFileSync(path.join(directory, 'pid'), 'utf8'));
    cut(directory);
    await expect
      .poll(async () => (await driver.observe(scope)).map(({ link, v4 }) => [link, v4]))
      .toEqual([[server.link, undefined]]);
    const [from] = await driver.observe(scope);
    if (from !== undefined) await driver.apply([{ op: 'delete', from }]);
    expect([existsSync(directory), await findProcess(pid)]).toEqual([false, undefined]);
  });

  it('answers only its client on a network with address management, and gives routes', async () => {
    const bridge: DhcpServer = {
      kind: 'dhcp-server',
      netns: scope,
      link: 'k6t-x',
      clientMac: '02:00:0a:02:02:03',
      v4: {
        address: '10.2.2.1',
        prefixLength: 24,
        routes: [{ destination: '10.9.0.0/16', via: '10.2.2.254' }],
      },
      dns: [],
      searchDomains: [],
    };
    const outcomes = await driver.apply([{ op: 'create', to: bridge }]);
    expect(outcomes.map(({ error }) => error)).toEqual([undefined]);
    const answer = discover('eth1');
    expect(answer).toMatchObject({
      ip: '10.2.2.1',
      staticroutes: expect.stringContaining('10.9.0.0/16 10.2.2.254'),
    });
    expect(answer['router']).toBeUndefined();
    ip('-n', guest, 'link', 'set', 'eth1', 'address', '02:00:0a:02:02:04');
    expect(() => discover('eth1')).toThrow();
    ip('-n', guest, 'link', 'set', 'eth1', 'address', '02:00:0a:02:02:03');
  });

  it.each(['a\nuser=root', 'a"b', 'a b', ''])('refuses hostile values: %j', async (hostname) => {
    const [outcome] = await driver.apply([{ op: 'create', to: { ...server, hostname } }]);
    expect(outcome?.error?.message).toMatch(/cannot be given by DHCP/);
  });
});

/** Asks as a guest would; the client's script prints what the client was given. */
function discover(link: string): Readonly<Record<string, string>> {
  const argv = [
    'netns',
    'exec',
    guest,
    'busybox',
    'udhcpc',
    '-i',
    link,
    '-n',
    '-q',
    '-f',
    '-t',
    '2',
    '-T',
    '1',
  ];
  const options = ['-O', 'mtu', '-O', 'search', '-O', 'staticroutes', '-s', script];
  const text = execFileSync('ip', [...argv, ...options], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return Object.fromEntries(
    text.split('\n').map((line) => [line.split('=')[0] ?? '', line.slice(line.indexOf('=') + 1)]),
  );
}
