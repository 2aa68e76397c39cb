import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { run } from '#drivers/command.ts';
import { ovsContract } from '#drivers/ovs/contract.ts';
import type { OvsDriver } from '#drivers/ovs/driver.ts';
import { openOvs } from '#drivers/ovs/ovs.ts';
import type { OvsBridge, OvsPort } from '#node-state/ovs.ts';
import { NODE } from '#node-state/resource.ts';
import { makeNetns, type Switch, startSwitch } from './support/open-vswitch.ts';
import { type Relay, startRelay } from './support/ovsdb.ts';

const netns = `t-ovs-${process.pid}`;
const [client, server] = [`${netns}-a`, `${netns}-b`];
const bridge: OvsBridge = { kind: 'ovs-bridge', name: 'br1', failMode: 'standalone' };
const mac = '02:00:00:00:00:0a';
const checked: OvsPort = {
  kind: 'ovs-port',
  name: 'va',
  bridge: 'br1',
  interfaceType: 'system',
  allowedMac: mac,
  externalIds: {},
};
const free: OvsPort = {
  kind: 'ovs-port',
  name: 'vb',
  bridge: 'br1',
  interfaceType: 'system',
  externalIds: {},
};

const va = ['va', client, '10.9.0.1/24', mac] as const;
const vb = ['vb', server, '10.9.0.2/24', '02:00:00:00:00:0b'] as const;

let sw: Switch;
let relay: Relay;
let directory: string;
let removeNetns: () => Promise<void>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 't-ovs-'));
  removeNetns = await makeNetns(netns, client, server);
  sw = await startSwitch(netns, directory);
  await sw.vsctl('set', 'Open_vSwitch', '.', 'external_ids:ovn-bridge-datapath-type=netdev');
  await sw.vsctl('add-br', 'br-int', '--', 'set', 'Bridge', 'br-int', 'datapath_type=netdev');
  relay = await startRelay(join(directory, 'relay.sock'), sw.db.socket);
  await makeVeth(...va);
  await makeVeth(...vb);
});

afterAll(async () => {
  relay.close();
  await sw.dispose();
  await removeNetns();
  await rm(directory, { recursive: true });
});

async function makeVeth(name: string, peer: string, address: string, peerMac: string): Promise<void> {
  await run([
    'ip',
    '-n',
    netns,
    'link',
    'add',
    name,
    'up',
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    'netns',
    peer,
  ]);
  await run(['ip', '-n', peer, 'link', 'set', 'eth0', 'up', 'address', peerMac]);
  await run(['ip', '-n', peer, 'addr', 'add', address, 'dev', 'eth0']);
  await run(['ethtool', '-K', 'eth0', 'tx', 'off'], { netns: peer });
}

async function removeOurs(): Promise<void> {
  await using driver = openOvs({ db: sw.db.remote, tag: 'test' });
  const found = await driver.observe(NODE);
  await driver.apply(found.map((from) => ({ op: 'delete', from })));
}

const canPing = (): Promise<boolean> =>
  run(['busybox', 'ping', '-c1', '-W1', '10.9.0.2'], { netns: client }).then(
    () => true,
    () => false,
  );

async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 10_000;
  while (!(await condition())) {
    expect(Date.now()).toBeLessThan(end);
    await setImmediate();
  }
}

ovsContract('Open vSwitch', async () => {
  const driver = openOvs({ db: `unix:${relay.path}`, tag: 'test' });
  await driver.observe(NODE);
  return {
    driver,
    writes: () => relay.transactions(),
    dispose: async () => {
      await driver[Symbol.asyncDispose]();
      await removeOurs();
    },
  };
});

describe('the Open vSwitch driver on a real switch', () => {
  let driver: OvsDriver | undefined;
  const open = (onChange?: () => void): OvsDriver => {
    driver = openOvs({ db: sw.db.remote, tag: 'test', ...(onChange === undefined ? {} : { onChange }) });
    return driver;
  };
  afterEach(async () => {
    await driver?.[Symbol.asyncDispose]();
    await removeOurs();
  });
  const flows = async (): Promise<string> =>
    (await run(['ovs-ofctl', '--no-stats', 'dump-flows', `unix:${directory}/br1.mgmt`])).stdout;

  it('takes the datapath type from the database', async () => {
    await open().apply([{ op: 'create', to: bridge }]);
    expect(await sw.vsctl('get', 'Bridge', 'br1', 'datapath_type')).toBe('netdev');
  });

  it('lets only the allowed MAC out, also after ovs-vswitchd was killed, and leaves no flow', async () => {
    const apply = async (...ports: OvsPort[]): Promise<void> => {
      const outcomes = await open().apply([
        { op: 'create', to: bridge },
        ...ports.map((to) => ({ op: 'create', to }) as const),
      ]);
      expect(outcomes.filter(({ error }) => error)).toEqual([]);
    };
    await apply(checked, free);
    expect(await canPing()).toBe(true);
    await run(['ip', '-n', client, 'link', 'set', 'eth0', 'address', '02:00:00:00:00:ff']);
    expect(await canPing()).toBe(false);
    await sw.killVswitchd();
    await sw.startVswitchd();
    await until(async () => (await flows()).includes(mac));
    expect(await canPing()).toBe(false);
    await run(['ip', '-n', client, 'link', 'set', 'eth0', 'address', mac]);
    await until(canPing);
    await driver?.apply([{ op: 'delete', from: checked }]);
    expect(await flows()).not.toContain('cookie=0x7062');
  });

  it('asks for nothing and writes nothing after a restart', async () => {
    const first = open();
    await first.apply([
      { op: 'create', to: bridge },
      { op: 'create', to: checked },
    ]);
    await first[Symbol.asyncDispose]();
    const [before, written] = [await flows(), relay.transactions()];
    await using second = openOvs({ db: `unix:${relay.path}`, tag: 'test' });
    expect(await second.observe(NODE)).toEqual([bridge, checked]);
    await second.apply([{ op: 'create', to: checked }]);
    expect([await flows(), relay.transactions()]).toEqual([before, written]);
  });

  it('tells when others change or remove what is ours, and not when we do', async () => {
    let changes = 0;
    const subject = open(() => {
      changes += 1;
    });
    await subject.apply([
      { op: 'create', to: bridge },
      { op: 'create', to: free },
    ]);
    await sw.vsctl('add-br', 'other');
    expect(changes).toBe(0);
    await sw.vsctl('set', 'Port', 'vb', 'tag=7');
    await until(async () => changes === 1);
    expect(await subject.observe(NODE)).toEqual([bridge, { ...free, tag: 7 }]);
    await sw.vsctl('del-port', 'vb');
    await until(async () => changes === 2);
    expect(await subject.observe(NODE)).toEqual([bridge]);
    await sw.vsctl('del-br', 'other');
  });

  it('tells when OVN puts up a port that was waited for in vain', async () => {
    let changes = 0;
    const subject = open(() => {
      changes += 1;
    });
    await subject.apply([
      { op: 'create', to: bridge },
      { op: 'create', to: free },
    ]);
    await expect(subject.bound(['vb'])).rejects.toMatchObject({ reason: 'PortNotBound' });
    expect(changes).toBe(0);
    await sw.vsctl('set', 'Interface', 'vb', 'external_ids:ovn-installed=true');
    await until(async () => changes === 1);
    await subject.bound(['vb']);
  });

  it('tells when the link of a port goes, and serves a new link of that name', async () => {
    let changes = 0;
    const subject = open(() => {
      changes += 1;
    });
    await subject.apply([
      { op: 'create', to: bridge },
      { op: 'create', to: checked },
      { op: 'create', to: free },
    ]);
    for (const [name, peer, address, peerMac] of [va, vb]) {
      const before = changes;
      await run(['ip', '-n', netns, 'link', 'del', name]);
      await until(async () => changes > before);
      await makeVeth(name, peer, address, peerMac);
    }
    await until(canPing);
    expect(await subject.observe(NODE)).toEqual([bridge, checked, free]);
  });

  it('refuses rows of others and says how to go on', async () => {
    await sw.vsctl('add-br', 'other', '--', 'add-port', 'other', 'vb');
    await sw.vsctl('set', 'Open_vSwitch', '.', 'external_ids:ovn-bridge-mappings=physnet:br-ex');
    const outcomes = await open().apply([
      { op: 'create', to: { ...bridge, name: 'other' } },
      { op: 'create', to: { ...free, bridge: 'other' } },
      { op: 'create', to: { kind: 'ovs-mappings', mappings: { physnet: 'other' } } },
      { op: 'create', to: { kind: 'ovs-mappings', mappings: { more: 'other' } } },
    ]);
    expect(outcomes.map(({ error }) => error?.message)).toEqual([
      'Open vSwitch bridge other exists and was not made by Patchbay; remove it (ovs-vsctl del-br other) or use another name',
      expect.stringContaining('port vb is on Open vSwitch bridge other'),
      expect.stringContaining('physical network physnet is mapped to br-ex'),
      undefined,
    ]);
    const mappings = (): Promise<string> =>
      sw.vsctl('get', 'Open_vSwitch', '.', 'external_ids:ovn-bridge-mappings');
    expect(await mappings()).toBe('"more:other,physnet:br-ex"');
    await driver?.apply([{ op: 'delete', from: { kind: 'ovs-mappings', mappings: { more: 'other' } } }]);
    expect(await mappings()).toBe('"physnet:br-ex"');
    await sw.vsctl('remove', 'Open_vSwitch', '.', 'external_ids', 'ovn-bridge-mappings');
    await sw.vsctl('del-br', 'other');
  });

  it('says so when ovs-vswitchd is not running', async () => {
    await sw.killVswitchd();
    await using subject = openOvs({ db: sw.db.remote, tag: 'test', timeoutMs: 100 });
    const [outcome] = await subject.apply([{ op: 'create', to: bridge }]);
    expect(outcome?.error?.message).toContain('ovs-vswitchd did not take in a change within 100 ms');
    await sw.startVswitchd();
  });
});
