import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { composeSandbox } from '#agent/compose-sandbox.ts';
import { diff } from '#agent/diff.ts';
import { throwFailures, World } from '#agent/world.ts';
import { createDhcpDriver } from '#drivers/dnsmasq/real.ts';
import { createIpDriver } from '#drivers/ip/real.ts';
import { createNftDriver } from '#drivers/nft/real.ts';
import { FakeOvs } from '#drivers/ovs/fake.ts';
import { createSysctlDriver } from '#drivers/sysctl/real.ts';
import { resourceId } from '#node-state/resource.ts';
import { sandboxInput } from '../../src/agent/sandbox-input.fixture.ts';

const runDir = mkdtempSync(path.join(tmpdir(), 'patchbay-agent-'));
const sandboxPrefix = 't-agent-sandbox.';
const ip = createIpDriver({ tag: 't-agent-sandbox' });
const dhcp = createDhcpDriver({ runDir });
const ovs = new FakeOvs();
const input = sandboxInput(`${sandboxPrefix}020af941-7a31-4916-ab88-88299c86132f`);
const { netns } = input;
const inside = (...argv: string[]): string =>
  execFileSync('ip', ['netns', 'exec', netns, ...argv], { encoding: 'utf8' });

function makeWorld(): World {
  return new World({
    drivers: [ip, createNftDriver(), createSysctlDriver(), ovs, dhcp],
    sandboxPrefix,
    findScopes: () => ip.namespaces(sandboxPrefix),
  });
}

describe('a launcher pod on the kernel', () => {
  const { resources } = composeSandbox(input);
  const world = makeWorld();

  afterAll(async () => {
    await world.reconcile(netns, []);
    await ip.close();
    rmSync(runDir, { recursive: true, force: true });
  });

  it('is made as composed, with the links that a live pod shows', async () => {
    const br1 = { kind: 'ovs-bridge', name: 'br1', failMode: 'standalone' } as const;
    await ovs.apply([{ op: 'create', to: br1 }]);
    await world.load();
    throwFailures(await world.reconcile(netns, resources));
    const links = JSON.parse(inside('ip', '-j', 'link')) as {
      ifname: string;
      master?: string;
      operstate: string;
    }[];
    expect(links.map(({ ifname, master }) => `${ifname} ${master ?? ''}`.trim()).sort()).toEqual([
      '03b731d2111-nic k6t-03b731d2111',
      'eth0',
      'k6t-03b731d2111',
      'k6t-eth0',
      'lo',
      'pod03b731d2111',
      'tap0 k6t-eth0',
      'tap03b731d2111 k6t-03b731d2111',
    ]);
    expect(
      inside('ip', '-br', '-4', 'addr')
        .split('\n')
        .map((line) => line.split(/\s+/).slice(0, 3).join(' ')),
    ).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^eth0@\S+ UP 10\.128\.0\.5\/23$/),
        expect.stringMatching(/^k6t-eth0 \S+ 10\.0\.2\.1\/24$/),
        expect.stringMatching(/^k6t-03b731d2111 \S+ 169\.254\.75\.11\/32$/),
        'pod03b731d2111 DOWN 10.2.2.1/24',
      ]),
    );
    expect(inside('nft', 'list', 'table', 'bridge', 'patchbay-macspoof')).toContain(
      'iifname "tap03b731d2111" ether saddr != 02:86:5e:00:00:14',
    );
  });

  it('is known again after a restart, and nothing is left to do', async () => {
    const again = makeWorld();
    await again.load();
    expect(diff(resources, again.observed(netns))).toEqual([]);
    expect(again.scopes()).toEqual([netns]);
  });

  it('is mended where somebody changed it', async () => {
    inside('ip', 'link', 'del', 'tap0');
    inside('ip', 'addr', 'del', '10.0.2.1/24', 'dev', 'k6t-eth0');
    inside('nft', 'flush', 'table', 'ip', 'nat');
    await world.refresh(netns);
    throwFailures(await world.reconcile(netns, resources));
    await world.refresh(netns);
    expect(diff(resources, world.observed(netns))).toEqual([]);
  });

  it('goes whole, on both sides', async () => {
    throwFailures(await world.reconcile(netns, []));
    expect(await ip.namespaces(sandboxPrefix)).toEqual([]);
    expect(await dhcp.scopes()).toEqual([]);
    expect((await ovs.observe('')).map(resourceId)).toEqual(['ovs-bridge/br1']);
    const left = (await ip.interfaces()).filter(
      ({ alias }) => alias?.startsWith(`patchbay:${sandboxPrefix}`) === true,
    );
    expect(left).toEqual([]);
    expect(world.scopes()).toEqual([]);
  });
});
