import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildGuestImage } from '#drivers/image/build.ts';
import { type KvmProbe, probeKvm } from '#drivers/probe/kvm.ts';
import { probeTun } from '#drivers/probe/tun.ts';
import type { VmKernelBoot } from '#node-state/vm.ts';

let directory: string;
let boot: VmKernelBoot;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'patchbay-kvm-'));
  const guest = await buildGuestImage({ imageDir: directory, log: () => undefined });
  if (guest.image.type !== 'kernel') {
    throw new Error('the built-in guest boots a kernel');
  }
  boot = guest.image.boot;
});

afterAll(() => rm(directory, { recursive: true, force: true }));

describe('probeKvm', () => {
  it('says why there is none', async () => {
    const record = await probeKvm({ boot, cacheDir: directory, device: '/dev/no-such-kvm' });
    expect(record).toMatchObject({ present: false, chosen: 'tcg', remedy: expect.any(String) });
  });

  it('takes an override at its word', async () => {
    expect(await probeKvm({ boot, cacheDir: directory, override: 'tcg' })).toMatchObject({ chosen: 'tcg' });
  });

  it('decides within its limit and keeps the answer', async () => {
    let start = performance.now();
    const first: KvmProbe = await probeKvm({ boot, cacheDir: directory });
    expect(performance.now() - start).toBeLessThan(6_500);
    console.log(first.why);
    start = performance.now();
    expect(await probeKvm({ boot, cacheDir: directory })).toEqual(first);
    expect(performance.now() - start).toBeLessThan(500);
  });
});

describe('probeTun', () => {
  it('finds the device or says that it is missing', async () => {
    expect(await probeTun()).toMatchObject({ name: 'tun', present: true, chosen: 'tap' });
    expect(await probeTun('/dev/no-such-tun')).toMatchObject({ present: false });
  });
});
