/** What this machine is, read once. */
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import type { MachineFacts } from './node-object.ts';

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Reads it. */
export async function readMachineFacts(version: string): Promise<MachineFacts> {
  const [release, machineId, bootId] = await Promise.all([
    readText('/etc/os-release'),
    readText('/etc/machine-id'),
    readText('/proc/sys/kernel/random/boot_id'),
  ]);
  return {
    cpus: os.availableParallelism(),
    memory: os.totalmem(),
    kernelVersion: os.release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(release)?.[1] ?? 'Linux',
    machineId: machineId.trim(),
    bootId: bootId.trim(),
    architecture: architectures[os.arch()] ?? os.arch(),
    version,
  };
}

/** Name servers of the machine that guests can reach too: none on its own loopback. */
export async function readDnsServers(): Promise<readonly string[]> {
  const text = await readText('/etc/resolv.conf');
  return [...text.matchAll(/^nameserver\s+([0-9A-Fa-f.:]+)/gm)]
    .flatMap((match) => match[1] ?? [])
    .filter((address) => !address.startsWith('127.') && address !== '::1');
}

/** True when the kernel passes bridged frames to IP hooks. */
export async function hasBridgeNetfilter(): Promise<boolean> {
  return (await readText('/proc/sys/net/bridge/bridge-nf-call-iptables')) !== '';
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
}
