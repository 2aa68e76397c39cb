/**
 * KVM or TCG. That /dev/kvm exists proves nothing: on some machines a guest hangs under it at full CPU. So the built-in
 * guest is booted under it once, with a time limit, and the answer is kept as long as host kernel and QEMU are the same.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { access, constants, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { commandEnv, run } from '#drivers/command.ts';
import { messageOf } from '#machinery/errors.ts';
import type { Accelerator, VmKernelBoot } from '#node-state/vm.ts';
import type { ProbeRecord } from './record.ts';

const BOOT_LIMIT_MS = 5_000;
const ALIVE = 'guest.probe: alive';
const DEVICE = '/dev/kvm';

/** What the probe needs. */
export interface KvmProbeOptions {
  /** The built-in guest. */
  readonly boot: VmKernelBoot;
  /** Directory of the kept answer, such as the image directory. */
  readonly cacheDir: string;
  /** `--accel`: taken without a probe. */
  readonly override?: Accelerator;
  /** Probes even when an answer is kept. */
  readonly refresh?: boolean;
  /** The device, for tests. */
  readonly device?: string;
}

/** The record, with the choice in QEMU's terms. */
export interface KvmProbe extends ProbeRecord {
  readonly name: 'kvm';
  readonly chosen: Accelerator;
}

/** Decides the accelerator. Takes at most a bit more than 5 s the first time, a few ms after that. */
export async function probeKvm(options: KvmProbeOptions): Promise<KvmProbe> {
  const device = options.device ?? DEVICE;
  const isPresent = await isUsable(device);
  if (options.override !== undefined) {
    return { name: 'kvm', present: isPresent, chosen: options.override, why: 'chosen by --accel' };
  }
  if (!isPresent) {
    return {
      name: 'kvm',
      present: false,
      chosen: 'tcg',
      why: `${device} is not there or cannot be opened, so guests are emulated`,
      remedy:
        'enable virtualization in the firmware (or nested virtualization in the host) and load kvm_intel or kvm_amd',
    };
  }
  const key = `${release()} ${await qemuVersion()}`;
  const path = join(options.cacheDir, 'kvm-probe.json');
  const kept = options.refresh === true ? undefined : await readKept(path, key);
  if (kept !== undefined) {
    return kept;
  }
  const record = await bootUnderKvm(options.boot, device);
  await keep(path, options.cacheDir, { key, record });
  return record;
}

async function isUsable(device: string): Promise<boolean> {
  try {
    await access(device, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    // Missing or forbidden: either way it cannot be used.
    return false;
  }
}

async function qemuVersion(): Promise<string> {
  const { stdout } = await run(['qemu-system-x86_64', '--version']);
  return stdout.split('\n')[0] ?? '';
}

/** Boots until the guest says that it lives, QEMU ends, or the limit is reached. */
async function bootUnderKvm(boot: VmKernelBoot, device: string): Promise<KvmProbe> {
  const start = performance.now();
  const result = await bootOnce(boot);
  const elapsed = Math.round(performance.now() - start);
  if (result === 'alive') {
    const why = `the built-in guest booted under KVM in ${elapsed} ms`;
    return { name: 'kvm', present: true, chosen: 'kvm', why };
  }
  const why =
    result === 'hangs'
      ? `${device} is there, but the built-in guest did not boot under it within ${BOOT_LIMIT_MS} ms`
      : `${device} is there, but QEMU cannot use it: ${result}`;
  const remedy =
    'guests are emulated, which works and is slower; patchbay doctor --refresh probes again, --accel kvm forces';
  return { name: 'kvm', present: true, chosen: 'tcg', why, remedy };
}

/** `alive`, `hangs`, or what QEMU said. */
function bootOnce(boot: VmKernelBoot): Promise<string> {
  const argv = [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-m', '192M'],
    ...['-machine', 'q35,hpet=off,smm=off,vmport=off,smbus=off,sata=off', '-accel', 'kvm', '-cpu', 'host'],
    ...['-kernel', boot.kernel, ...(boot.initrd === undefined ? [] : ['-initrd', boot.initrd])],
    ...['-append', `${boot.arguments} guest.probe`, '-serial', 'stdio'],
  ];
  return new Promise((resolve) => {
    const child = spawn('qemu-system-x86_64', argv, { env: commandEnv(), stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let said = '';
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill('SIGKILL');
    }, BOOT_LIMIT_MS);
    child.stdout.on('data', (chunk: Buffer) => {
      output = `${output}${chunk}`.slice(-4096);
      if (output.includes(ALIVE)) {
        child.kill('SIGKILL');
      }
    });
    child.stderr.on('data', (chunk: Buffer) => {
      said = `${said}${chunk}`.slice(-1024);
    });
    const finish = (failure: string): void => {
      clearTimeout(timer);
      resolve(output.includes(ALIVE) ? 'alive' : isLate ? 'hangs' : failure);
    };
    child.once('error', (error) => finish(messageOf(error)));
    child.once('close', (code) =>
      finish(said.trim().replaceAll('\n', '; ') || `it ended with status ${code}`),
    );
  });
}

interface Kept {
  readonly key: string;
  readonly record: KvmProbe;
}

/** The kept answer for this kernel and QEMU; none when it is missing, for others, or unreadable. */
async function readKept(path: string, key: string): Promise<KvmProbe | undefined> {
  try {
    const kept = JSON.parse(await readFile(path, 'utf8')) as Partial<Kept>;
    return kept.key === key ? kept.record : undefined;
  } catch {
    // Probing again costs seconds and mends it.
    return undefined;
  }
}

async function keep(path: string, directory: string, kept: Kept): Promise<void> {
  await mkdir(directory, { recursive: true });
  const next = `${path}.${randomUUID()}`;
  await writeFile(next, `${JSON.stringify(kept, null, 1)}\n`, { mode: 0o644 });
  await rename(next, path);
}
