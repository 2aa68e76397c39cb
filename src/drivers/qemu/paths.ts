import { join } from 'node:path';

/** Where one machine's files are. */
export interface VmPaths {
  /** `<runDir>/vms/<uid>`, owned by root, group of QEMU's user, 0750: what QEMU reads and only we write. */
  readonly directory: string;
  /** Launched state, 0600 root. */
  readonly record: string;
  readonly seed: string;
  /** QEMU's standard output and error. */
  readonly log: string;
  /** `<directory>/qemu`, owned by QEMU's user, 0700: nothing in it is trusted. */
  readonly runtime: string;
  readonly qmp: string;
  readonly agent: string;
  readonly console: string;
  readonly serialLog: string;
  /** Where copy-on-write layers are; on a disk rather than in memory when the agent has a state directory. */
  readonly scratch: string;
}

const UID = /^[A-Za-z0-9][A-Za-z0-9-]{0,62}$/;

/** True for names that can be a machine's directory. */
export function isVmUid(name: string): boolean {
  return UID.test(name);
}

/** `<runDir>/vms`. */
export function vmsDirectory(runDir: string): string {
  return join(runDir, 'vms');
}

/** Paths of one machine. The uid must be checked with `isVmUid`. */
export function vmPaths(runDir: string, uid: string, scratchDir: string | undefined): VmPaths {
  const directory = join(vmsDirectory(runDir), uid);
  const runtime = join(directory, 'qemu');
  return {
    directory,
    record: join(directory, 'vm.json'),
    seed: join(directory, 'seed.iso'),
    log: join(directory, 'qemu.log'),
    runtime,
    qmp: join(runtime, 'qmp.sock'),
    agent: join(runtime, 'qga.sock'),
    console: join(runtime, 'console.sock'),
    serialLog: join(runtime, 'serial.log'),
    scratch: scratchDir === undefined ? directory : join(scratchDir, uid),
  };
}

/** Copy-on-write layer of an ephemeral disk; `index` is the disk's place in the list. */
export function overlayPath(paths: VmPaths, index: number): string {
  return join(paths.scratch, `disk${index}.qcow2`);
}
