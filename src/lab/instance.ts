/** What is remembered of an instance between commands: `instance.json`, 0600. */
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import type { IpFamily } from '#api/ip-range.ts';
import { PatchbayError } from '#machinery/errors.ts';
import type { Accelerator } from '#node-state/vm.ts';
import { readJsonFile, writeJsonFile } from './lock.ts';
import { type InstancePaths, instancePaths, runRoot } from './names.ts';
import type { Datapath } from './plan.ts';

/** An instance as it was last brought up. */
export interface InstanceState {
  readonly version: 1;
  readonly instance: string;
  readonly nodes: readonly string[];
  /** N of 192.168.N.0/24. */
  readonly machineSubnet: number;
  /** Port of the API server. */
  readonly port: number;
  readonly datapath: Datapath;
  /** As asked for with `--accel`; absent = found out by probing. */
  readonly accelerator?: Accelerator;
  /** Absent: both, where the machine has IPv6. */
  readonly ipFamilies?: readonly IpFamily[];
  /** Of the wires, bytes; absent = 1500. */
  readonly mtu?: number;
}

/** Reads an instance's state; undefined when it was never brought up (or was taken down). */
export function readInstance(paths: InstancePaths): InstanceState | undefined {
  const state = readJsonFile<InstanceState>(paths.instanceFile);
  if (state !== undefined && state.version !== 1) {
    throw new PatchbayError(
      'UnknownVersion',
      `${paths.instanceFile} has version ${JSON.stringify(state.version)}, this Patchbay knows version 1: use the Patchbay that wrote it, or take the instance down`,
      { retryable: false },
    );
  }
  return state;
}

/** Writes an instance's state. */
export function writeInstance(paths: InstancePaths, state: InstanceState): void {
  writeJsonFile(paths.instanceFile, state);
}

/** Paths of an instance: below `stateRoot` when given, else where its run directory says its state is, else the default. */
export function locateInstance(instance: string, stateRoot?: string): InstancePaths {
  const standard = instancePaths(instance, stateRoot);
  if (stateRoot !== undefined || !existsSync(standard.stateLink)) {
    return standard;
  }
  return instancePaths(instance, path.dirname(readlinkSync(standard.stateLink)));
}

/** The state of an instance that must be there. Throws a PatchbayError `NoInstance` that names those that are. */
export function requireInstance(paths: InstancePaths): InstanceState {
  const state = readInstance(paths);
  if (state === undefined) {
    const others = listInstances();
    const hint = others.length === 0 ? 'none is up' : `up are: ${others.join(', ')}`;
    throw new PatchbayError(
      'NoInstance',
      `instance "${paths.instance}" is not up (${hint}); start it with: patchbay up --name ${paths.instance}`,
      { retryable: false },
    );
  }
  return state;
}

/** Names of the instances with a run directory. */
function listInstances(): readonly string[] {
  return existsSync(runRoot) ? readdirSync(runRoot).toSorted() : [];
}
