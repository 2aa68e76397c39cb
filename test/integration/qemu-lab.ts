/** A scratch network namespace with a bridge, taps and a DHCP server, and the built-in guest, for tests with QEMU. */
import { randomBytes, randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '#drivers/command.ts';
import type { GuestDriver } from '#drivers/guest/driver.ts';
import { createGuestDriver } from '#drivers/guest/guest.ts';
import { buildGuestImage } from '#drivers/image/build.ts';
import type { VmDriver } from '#drivers/qemu/driver.ts';
import { createQemuDriver } from '#drivers/qemu/qemu.ts';
import { composeSeedImage } from '#drivers/seed/seed.ts';
import type { VirtualMachineState, VmKernelBoot, VmNic } from '#node-state/vm.ts';

/** nobody: any user that is not root. */
export const QEMU_USER = { uid: 65534, gid: 65534 };

export interface QemuLab {
  readonly netns: string;
  readonly directory: string;
  readonly boot: VmKernelBoot;
  /** Warnings of all drivers of this lab. */
  readonly warnings: string[];
  driver(): VmDriver;
  machine(change?: Partial<VirtualMachineState>): VirtualMachineState;
  nic(index: number, change?: Partial<VmNic>): VmNic;
  [Symbol.asyncDispose](): Promise<void>;
}

/** `taps` devices tap0, tap1, … on bridge br0, 10.0.2.1/24; leases 10.0.2.10 and up, MTU 1400. */
export async function createQemuLab(taps: number): Promise<QemuLab> {
  const netns = `t-qemu-${randomBytes(3).toString('hex')}`;
  const directory = await mkdtemp(join(tmpdir(), 'patchbay-qemu-'));
  await chmod(directory, 0o711);
  const image = await buildGuestImage({ imageDir: join(directory, 'images'), log: () => undefined });
  if (image.image.type !== 'kernel') {
    throw new Error('the built-in guest boots a kernel');
  }
  await run(['ip', 'netns', 'add', netns]);
  await run(['ip', '-batch', '-'], { netns, input: links(taps) });
  await startDhcp(netns, directory);
  const drivers: VmDriver[] = [];
  const warnings: string[] = [];
  const log = { info: () => undefined, warn: (message: string) => warnings.push(message) };
  const driver = (): VmDriver => {
    const made = createQemuDriver({
      runDir: directory,
      qemuUser: QEMU_USER,
      seedImage: composeSeedImage,
      log,
    });
    drivers.push(made);
    return made;
  };
  const { boot } = image.image;
  return {
    ...{ netns, directory, boot, warnings, driver, nic },
    machine: (change = {}) => ({ ...machine(netns, boot), ...change }),
    async [Symbol.asyncDispose]() {
      // QMP has room for one client.
      for (const each of drivers) {
        await each.close();
      }
      const last = driver();
      const left = await last.observe(netns);
      await last.apply(left.map((from) => ({ op: 'delete', from })));
      await last.close();
      await run(['ip', 'netns', 'pids', netns]).then(({ stdout }) => {
        for (const pid of stdout.split('\n').filter((line) => line !== '')) {
          process.kill(Number(pid), 'SIGKILL');
        }
      });
      await run(['ip', 'netns', 'delete', netns]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function links(taps: number): string {
  const lines = [
    'link set lo up',
    'link add br0 type bridge',
    'address add 10.0.2.1/24 dev br0',
    'address add fd10:0:2::1/120 dev br0 nodad',
    'link set br0 up',
  ];
  for (let i = 0; i < taps; i++) {
    lines.push(
      `tuntap add tap${i} mode tap user ${QEMU_USER.uid} vnet_hdr`,
      `link set tap${i} mtu 1400 master br0 up`,
    );
  }
  return `${lines.join('\n')}\n`;
}

async function startDhcp(netns: string, directory: string): Promise<void> {
  const ranges = ['--dhcp-range=10.0.2.10,10.0.2.99,255.255.255.0,infinite', '--dhcp-option=26,1400'];
  const files = [
    `--pid-file=${join(directory, 'dnsmasq.pid')}`,
    `--dhcp-leasefile=${join(directory, 'leases')}`,
  ];
  const speed = ['--dhcp-authoritative', '--no-ping'];
  const listen = ['--interface=br0', '--bind-interfaces', '--port=0', '--user=root', '--conf-file=/dev/null'];
  await run(['dnsmasq', ...listen, ...ranges, ...files, ...speed], { netns });
}

function nic(index: number, change: Partial<VmNic> = {}): VmNic {
  const mac = `02:00:00:00:00:0${index + 1}`;
  return {
    name: `net${index}`,
    model: 'virtio',
    mac,
    tap: `tap${index}`,
    mtu: 1400,
    queues: 1,
    linkUp: true,
    ...change,
  };
}

function machine(netns: string, kernelBoot: VmKernelBoot): VirtualMachineState {
  return {
    kind: 'vm',
    netns,
    uid: randomUUID(),
    name: 'default_guest',
    accelerator: 'tcg',
    machine: 'q35',
    cpu: { sockets: 1, cores: 1, threads: 1 },
    memoryMiB: 192,
    kernelBoot,
    disks: [],
    nics: [nic(0)],
    hotplugPorts: 2,
    rng: true,
    paused: false,
  };
}

/** Starts a machine and waits for its guest agent, which it attaches. Milliseconds until the agent answered. */
export async function bootGuest(
  driver: VmDriver,
  guest: GuestDriver,
  vm: VirtualMachineState,
): Promise<number> {
  const start = performance.now();
  const connected = new Promise<void>((resolve) => {
    const stop = driver.onEvent((event) => {
      if (event.uid === vm.uid && event.type === 'agent' && event.connected) {
        stop();
        resolve();
      }
    });
  });
  const [outcome] = await driver.apply([{ op: 'create', to: vm }]);
  if (outcome?.error !== undefined) {
    throw outcome.error;
  }
  await connected;
  await attach(driver, guest, vm.uid);
  await guest.ping(vm.uid);
  return performance.now() - start;
}

/** Connects the guest driver to a machine's agent. */
export async function attach(driver: VmDriver, guest: GuestDriver, uid: string): Promise<void> {
  const info = await driver.info(uid);
  if (info === undefined) {
    throw new Error(`machine ${uid} is not known`);
  }
  guest.attach(uid, info.agentSocket);
}

/** Runs a shell line in the guest and returns what it printed. */
export async function shell(guest: GuestDriver, uid: string, line: string): Promise<string> {
  const result = await guest.exec(uid, ['/bin/sh', '-c', line]);
  return `${result.stdout}${result.stderr}`.trim();
}

export { createGuestDriver };
