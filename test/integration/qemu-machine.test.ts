import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '#drivers/command.ts';
import type { VirtualMachineState, VmNic } from '#node-state/vm.ts';
import { QmpClient } from '#wire/qmp/qmp.ts';
import { attach, bootGuest, createGuestDriver, createQemuLab, type QemuLab, shell } from './qemu-lab.ts';

let lab: QemuLab;
const guest = createGuestDriver();

beforeAll(async () => {
  lab = await createQemuLab(2);
});

afterAll(async () => {
  await guest.close();
  await lab[Symbol.asyncDispose]();
});

/** Starts another process that launches a machine. */
async function launchElsewhere(vm: VirtualMachineState): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('qemu-launcher.ts', import.meta.url));
  const child = spawn(process.execPath, [script, lab.directory, JSON.stringify(vm)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said = await new Promise<string>((resolve) => {
    child.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()));
  });
  expect(said).toBe('launched');
  return child;
}

describe('a driver that is killed', () => {
  it('leaves its machines running; the next one adopts them and hears the guest', async () => {
    const vm = lab.machine({ hotplugPorts: 0 });
    const child = await launchElsewhere(vm);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    const driver = lab.driver();
    expect(await driver.observe(lab.netns)).toEqual([vm]);
    const connected = async (): Promise<boolean | undefined> => (await driver.info(vm.uid))?.agentConnected;
    await expect.poll(connected, { timeout: 15_000 }).toBe(true);
    await attach(driver, guest, vm.uid);
    await guest.ping(vm.uid);
    const record = await stat(join(lab.directory, 'vms', vm.uid, 'vm.json'));
    expect([record.mode & 0o777, record.uid]).toEqual([0o600, 0]);

    // The other way round: QEMU dies while somebody looks, and while nobody does.
    const pid = (await driver.info(vm.uid))?.pid ?? 0;
    process.kill(pid, 'SIGKILL');
    await expect.poll(async () => (await driver.info(vm.uid))?.status).toBe('exited');
    await driver.close();
    const last = lab.driver();
    expect(await last.observe(lab.netns)).toEqual([vm]);
    expect(await last.info(vm.uid)).toMatchObject({ status: 'exited', pid: 0, agentConnected: false });
    await last.apply([{ op: 'delete', from: vm }]);
    await last.close();
    await expect(stat(join(lab.directory, 'vms', vm.uid))).rejects.toThrow(/ENOENT/);
    guest.detach(vm.uid);
  });
});

describe('devices', () => {
  it.each(['e1000e', 'e1000', 'ne2k_pci', 'pcnet', 'rtl8139'] as const)(
    'QEMU takes a card of model %s',
    async (model) => {
      const driver = lab.driver();
      const nics: VmNic[] = [lab.nic(0, { model }), lab.nic(1, { bootOrder: 1 })];
      const vm = lab.machine({ paused: true, nics, hotplugPorts: 6 });
      const [outcome] = await driver.apply([{ op: 'create', to: vm }]);
      expect(outcome?.error).toBeUndefined();
      await driver.apply([{ op: 'delete', from: vm }]);
      await driver.close();
    },
  );

  it("says in QEMU's words why a machine does not start, and leaves nothing of it", async () => {
    const driver = lab.driver();
    const vm = lab.machine({ nics: [lab.nic(0, { tap: 'no-such-tap' })] });
    const [outcome] = await driver.apply([{ op: 'create', to: vm }]);
    expect(outcome?.error).toMatchObject({ reason: 'QemuStartFailed' });
    expect(outcome?.error?.message).toContain('no-such-tap');
    expect(await driver.observe(lab.netns)).toEqual([]);
    await expect(stat(join(lab.directory, 'vms', vm.uid))).rejects.toThrow(/ENOENT/);
    await driver.close();
  });

  it('keeps writes of an ephemeral disk in its own layer, and reads a read-only one', async () => {
    const base = join(lab.directory, 'base.raw');
    await writeFile(base, Buffer.alloc(1024 * 1024, 'base'));
    await chmod(base, 0o644);
    const driver = lab.driver();
    const disk = { path: base, format: 'raw', bus: 'virtio', device: 'disk' } as const;
    const vm = lab.machine({
      disks: [
        { ...disk, name: 'a', readOnly: false, ephemeral: true, serial: 'serial-a' },
        { ...disk, name: 'b', readOnly: true, ephemeral: false },
      ],
    });
    await bootGuest(driver, guest, vm);
    await expect.poll(() => shell(guest, vm.uid, 'head -c 4 /dev/vda; cat /sys/block/vdb/ro')).toBe('base1');
    expect(await shell(guest, vm.uid, 'echo changed > /dev/vda; sync; head -c 7 /dev/vda')).toBe('changed');
    expect(await shell(guest, vm.uid, 'cat /sys/block/vda/serial')).toBe('serial-a');
    expect((await readFile(base)).subarray(0, 4).toString()).toBe('base');
    await driver.apply([{ op: 'delete', from: vm }]);
    await driver.close();
    guest.detach(vm.uid);
  });

  it('has a spare root port that takes a card while the guest runs, and the guest asks for an address', async () => {
    const driver = lab.driver();
    const vm = lab.machine({ hotplugPorts: 1 });
    await bootGuest(driver, guest, vm);
    await driver.close();
    const qmp = await QmpClient.connect(join(lab.directory, 'vms', vm.uid, 'qemu', 'qmp.sock'));
    const tap = { type: 'tap', id: 'host-new', ifname: 'tap1', script: 'no', downscript: 'no' };
    await qmp.execute('netdev_add', tap);
    const card = { driver: 'virtio-net-pci-non-transitional', id: 'net-new', netdev: 'host-new', bus: 'rp2' };
    await qmp.execute('device_add', { ...card, mac: '02:00:00:00:00:09' });
    qmp.close();
    const plugged = async (): Promise<readonly string[] | undefined> =>
      (await guest.interfaces(vm.uid)).find((each) => each.mac === '02:00:00:00:00:09')?.addresses;
    await expect
      .poll(plugged, { timeout: 15_000 })
      .toContainEqual(expect.stringMatching(/^10\.0\.2\.\d+\/24$/));
    const last = lab.driver();
    await last.observe(lab.netns);
    await last.apply([{ op: 'delete', from: vm }]);
    await last.close();
    guest.detach(vm.uid);
  });

  it('gives as many queues as wanted on a tap that has them', async () => {
    await run(['ip', 'tuntap', 'add', 'mq0', 'mode', 'tap', 'user', '65534', 'multi_queue', 'vnet_hdr'], {
      netns: lab.netns,
    });
    const driver = lab.driver();
    const vm = lab.machine({
      cpu: { sockets: 1, cores: 2, threads: 1 },
      nics: [lab.nic(0, { tap: 'mq0', queues: 2 })],
    });
    await bootGuest(driver, guest, vm);
    expect(await shell(guest, vm.uid, 'ls -d /sys/class/net/eth0/queues/rx-* | wc -l')).toBe('2');
    await driver.apply([{ op: 'delete', from: vm }]);
    await driver.close();
    guest.detach(vm.uid);
  });
});
