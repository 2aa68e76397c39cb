/** The program that measures reachability, in two network namespaces with a wire between them. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '#drivers/command.ts';
import { parseCollected, parseListening, parseProbed } from '#drivers/reach/answers.ts';
import type { Probe } from '#drivers/reach/program.ts';
import { createReachDriver } from '#drivers/reach/sandbox.ts';

const here = `reach-${process.pid}-a`;
const there = `reach-${process.pid}-b`;
const runDir = mkdtempSync(path.join(os.tmpdir(), 'reach-'));
const driver = createReachDriver({ runDir });
const addresses = { [here]: ['10.66.0.1/24', 'fd66::1/64'], [there]: ['10.66.0.2/24', 'fd66::2/64'] };

beforeAll(async () => {
  await run(['ip', 'netns', 'add', here]);
  await run(['ip', 'netns', 'add', there]);
  await run([
    'ip',
    'link',
    'add',
    'va',
    'netns',
    here,
    'mtu',
    '1400',
    'type',
    'veth',
    'peer',
    'name',
    'va',
    'netns',
    there,
    'mtu',
    '1400',
  ]);
  for (const [netns, list] of Object.entries(addresses)) {
    for (const address of list) {
      await run([
        'ip',
        '-n',
        netns,
        'addr',
        'add',
        address,
        'dev',
        'va',
        ...(address.includes(':') ? ['nodad'] : []),
      ]);
    }
    await run(['ip', '-n', netns, 'link', 'set', 'va', 'up']);
    await run(['ip', '-n', netns, 'link', 'set', 'lo', 'up']);
  }
});

afterAll(async () => {
  await run(['ip', 'netns', 'del', here]);
  await run(['ip', 'netns', 'del', there]);
  rmSync(runDir, { recursive: true });
});

const listen = async () => {
  const request = {
    verb: 'listen',
    run: 'r1',
    nonce: 'word',
    seconds: 60,
    udpPort: 5000,
    tcpPorts: [5001],
  } as const;
  return parseListening((await driver.run(there, request)).stdout);
};
const listeners = async (): Promise<string> =>
  (await run(['ss', '-Hlntu'], { netns: there })).stdout.replaceAll(/\s+/g, ' ');

test('answers come with the nonce, in both families and at full size; what is too large goes in pieces', async () => {
  const before = await listen();
  expect(before).toMatchObject({ tcpPorts: [5001], hasUdp: true });
  const base = { device: 'va', bytes: 56, port: 0, nonce: 'word', seconds: 3 };
  const probes: readonly Probe[] = (['10.66.0.2', 'fd66::2'] as const).flatMap((address, index) => {
    const id = index * 10;
    const largest = address.includes(':') ? 1352 : 1372;
    return [
      { ...base, id, kind: 'ping', address },
      { ...base, id: id + 1, kind: 'ping', address, bytes: largest },
      { ...base, id: id + 2, kind: 'tcp', address, port: 5001 },
      { ...base, id: id + 3, kind: 'bulk', address, port: 5001 },
      { ...base, id: id + 4, kind: 'udp', address, port: 5000 },
      { ...base, id: id + 5, kind: 'tcp', address, port: 5001, nonce: 'other' },
      { ...base, id: id + 6, kind: 'tcp', address, port: 5002, seconds: 1 },
    ];
  });
  const { seen, pieces } = parseProbed((await driver.run(here, { verb: 'probe', probes, width: 4 })).stdout);
  const results = (from: number): readonly unknown[] =>
    Array.from({ length: 7 }, (_, index) => seen.get(from + index)?.result);
  const expected = ['answer', 'answer', 'answer', 'answer', 'sent', 'other', 'silence'];
  expect([results(0), results(10)]).toEqual([expected, expected]);
  expect(pieces).toEqual({ v4: 0, v6: 0 });
  const { arrived, echoes } = parseCollected(
    (await driver.run(there, { verb: 'collect', run: 'r1' })).stdout,
  );
  expect(arrived.toSorted((a, b) => a.id - b.id)).toEqual([
    { id: 4, nonce: 'word' },
    { id: 14, nonce: 'word' },
  ]);
  // At least as many as were answered: the first may be answered too late.
  expect(echoes.v4 - before.echoes.v4).toBeGreaterThanOrEqual(2);
  expect(echoes.v6 - before.echoes.v6).toBeGreaterThanOrEqual(2);
  const large = { ...base, id: 1, kind: 'ping', address: '10.66.0.2', bytes: 1373 } as const;
  const cut = parseProbed((await driver.run(here, { verb: 'probe', probes: [large], width: 1 })).stdout);
  expect(cut.seen.get(1)?.result).toBe('answer');
  expect(cut.pieces.v4).toBeGreaterThan(0);
});

test('what is not answered is told as silence: a wire that drops, an address that nobody has', async () => {
  const base = { id: 1, device: 'va', bytes: 56, port: 5001, nonce: 'word', seconds: 1 } as const;
  await run(['nft', '-f', '-'], {
    netns: there,
    input: 'table inet cut { chain in { type filter hook input priority 0; ip saddr 10.66.0.1 drop; }; }\n',
  });
  try {
    const probes = [
      { ...base, kind: 'ping', address: '10.66.0.2' },
      { ...base, id: 2, kind: 'tcp', address: '10.66.0.2' },
      { ...base, id: 3, kind: 'ping', address: '10.66.0.9' },
      { ...base, id: 4, kind: 'ping', address: 'fd66::2' },
    ] as const;
    const { seen } = parseProbed((await driver.run(here, { verb: 'probe', probes, width: 4 })).stdout);
    expect([1, 2, 3, 4].map((id) => seen.get(id)?.result)).toEqual([
      'silence',
      'silence',
      'silence',
      'answer',
    ]);
  } finally {
    await run(['nft', 'delete', 'table', 'inet', 'cut'], { netns: there });
  }
});

test('a listener counts though its own host cuts it off: that is for probes to tell', async () => {
  await run(['nft', '-f', '-'], {
    netns: there,
    input: 'table inet cut { chain in { type filter hook input priority 0; meta l4proto tcp drop; }; }\n',
  });
  try {
    const request = {
      verb: 'listen',
      run: 'r3',
      nonce: 'third',
      seconds: 60,
      udpPort: 5005,
      tcpPorts: [5006],
    } as const;
    expect(parseListening((await driver.run(there, request)).stdout).tcpPorts).toEqual([5006]);
    await driver.run(there, { verb: 'stop', run: 'r3' });
  } finally {
    await run(['nft', 'delete', 'table', 'inet', 'cut'], { netns: there });
  }
});

test('stop leaves no listener and no file; a port that is taken is told', async () => {
  expect(await listeners()).toContain(':5001');
  const request = {
    verb: 'listen',
    run: 'r2',
    nonce: 'other',
    seconds: 60,
    udpPort: 5003,
    tcpPorts: [5001],
  } as const;
  expect(parseListening((await driver.run(there, request)).stdout).tcpPorts).toEqual([]);
  for (const one of ['r1', 'r2']) {
    await driver.run(there, { verb: 'stop', run: one });
  }
  await expect.poll(listeners, { timeout: 5_000 }).toBe('');
  expect(existsSync(path.join(runDir, 'reach')) && readdirSync(path.join(runDir, 'reach'))).toEqual([]);
});
