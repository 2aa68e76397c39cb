/** DHCP by dnsmasq, one daemon for each link. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { run } from '#drivers/command.ts';
import { listProcesses } from '#drivers/processes.ts';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import type { DhcpServer } from '#node-state/dhcp.ts';
import type { Netns, Operation, Outcome } from '#node-state/resource.ts';
import { dnsmasqConfig } from './config.ts';
import type { DhcpDriver, Lease } from './driver.ts';
import { endProcess, findProcess, isRunning, type ProcessId } from './process.ts';

/** Where servers keep their files. */
export interface DhcpDriverOptions {
  /** Directory of ours; each server has a directory in it, with a record by which it is found again. */
  readonly runDir: string;
}

/** A look misses what becomes another process during it: `ip` dnsmasq, and dnsmasq twice its child. */
const emptyLooks = 4;

interface ServerRecord extends ProcessId {
  readonly server: DhcpServer;
}

/** Makes the driver. */
export function createDhcpDriver(options: DhcpDriverOptions): DhcpDriver {
  const root = options.runDir;
  return {
    kinds: ['dhcp-server'],
    observe: (scope) => observe(root, scope),
    apply: (operations) => Promise.all(operations.map((operation) => applyOne(root, operation))),
    scopes: async () => [...new Set((await directories(root)).map(({ netns }) => netns))],
    leases: (netns, link) => readLeases(directoryOf(root, netns, link)),
  };
}

async function observe(root: string, scope: Netns): Promise<readonly DhcpServer[]> {
  const own = (await directories(root)).filter(({ netns }) => netns === scope);
  return Promise.all(own.map(({ directory }) => observeOne(directory)));
}

/**
 * What its maker died over, while it started or ended it, is a server about which nothing is known: good for being replaced, or
 * for being ended.
 */
async function observeOne(directory: string): Promise<DhcpServer> {
  const record = await readRecord(directory);
  const [netns = '', link = ''] = path.basename(directory).split('~');
  return record !== undefined && (await isRunning(record))
    ? record.server
    : { kind: 'dhcp-server', netns, link, dns: [], searchDomains: [] };
}

async function applyOne(root: string, operation: Operation<DhcpServer>): Promise<Outcome<DhcpServer>> {
  try {
    if (operation.op === 'delete') {
      await stop(directoryOf(root, operation.from.netns, operation.from.link));
    } else {
      await start(directoryOf(root, operation.to.netns, operation.to.link), operation.to);
    }
    return { operation };
  } catch (error) {
    return { operation, error: error instanceof Error ? error : new Error(String(error)) };
  }
}

/** dnsmasq answers for its start: its first process ends only when the daemon is ready, or says why it is not. */
async function start(directory: string, server: DhcpServer): Promise<void> {
  const known = await readRecord(directory);
  if (
    known !== undefined &&
    JSON.stringify(known.server) === JSON.stringify(server) &&
    (await isRunning(known))
  ) {
    return;
  }
  const files = { pid: path.join(directory, 'pid'), leases: path.join(directory, 'leases') };
  const config = dnsmasqConfig(server, files);
  await endServer(directory, known);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await rm(recordFile(directory), { force: true });
  await rm(files.pid, { force: true });
  const configFile = path.join(directory, `${randomUUID()}.conf`);
  await writeFile(configFile, config, { mode: 0o600 });
  try {
    await run(['dnsmasq', `--conf-file=${configFile}`], { netns: server.netns });
  } catch (cause) {
    throw new PatchbayError(
      'DhcpServerFailed',
      `DHCP server on ${server.link} of ${server.netns} did not start`,
      { cause },
    );
  }
  const daemon = await findProcess(Number(await readFile(files.pid, 'utf8')));
  if (daemon === undefined) {
    throw new PatchbayError(
      'DhcpServerFailed',
      `DHCP server on ${server.link} of ${server.netns} ended at once`,
    );
  }
  const record: ServerRecord = { ...daemon, server };
  const next = `${recordFile(directory)}.next`;
  await writeFile(next, JSON.stringify(record), { mode: 0o600 });
  await rename(next, recordFile(directory));
}

async function stop(directory: string): Promise<void> {
  await endServer(directory, await readRecord(directory));
  await rm(directory, { recursive: true, force: true });
}

/**
 * Ends a server. Without a record somebody died over starting it: what has not read its configuration yet finds none, and
 * what has is found by its arguments, be it in the background already or not.
 */
async function endServer(directory: string, record: ServerRecord | undefined): Promise<void> {
  await removeConfigs(directory);
  if (record !== undefined) {
    await endProcess(record);
    return;
  }
  for (let empty = 0; empty < emptyLooks; ) {
    const found = await unnoted(directory);
    empty = found.length === 0 ? empty + 1 : 0;
    await Promise.all(found.map(endProcess));
  }
}

async function removeConfigs(directory: string): Promise<void> {
  const files = existsSync(directory) ? await readdir(directory) : [];
  const configs = files.filter((file) => file.endsWith('.conf'));
  await Promise.all(configs.map((file) => rm(path.join(directory, file), { force: true })));
}

function recordFile(directory: string): string {
  return path.join(directory, 'server.json');
}

async function readRecord(directory: string): Promise<ServerRecord | undefined> {
  const file = recordFile(directory);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) {
    return undefined;
  }
  try {
    return JSON.parse(text) as ServerRecord;
  } catch (cause) {
    throw new PatchbayError(
      'StateUnreadable',
      `${file} is no JSON (${messageOf(cause)}); remove its directory`,
      { cause },
    );
  }
}

/** Processes of a server without a record: dnsmasq on its way to the background, what becomes it, the daemon. */
async function unnoted(directory: string): Promise<readonly ProcessId[]> {
  if (!existsSync(directory)) {
    return [];
  }
  const found = (await listProcesses()).map(async (pid) => {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''); // gone meanwhile
    return command.includes(`\0--conf-file=${directory}/`) ? await findProcess(pid) : undefined;
  });
  return (await Promise.all(found)).filter((one) => one !== undefined);
}

async function directories(root: string): Promise<readonly { netns: Netns; directory: string }[]> {
  const names = await readdir(root).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names
    .filter((name) => name.includes('~'))
    .map((name) => ({ netns: name.split('~')[0] ?? '', directory: path.join(root, name) }));
}

function directoryOf(root: string, netns: Netns, link: string): string {
  const name = `${netns}~${link}`;
  if (name.includes('/') || name.startsWith('.')) {
    throw new PatchbayError('InvalidName', `"${name}" is no name of a DHCP server`, { retryable: false });
  }
  return path.join(root, name);
}

/** Lines `<expiry> <mac> <address> <name> <client id>`; IPv6 follows a line `duid …`. */
async function readLeases(directory: string): Promise<readonly Lease[]> {
  const text = await readFile(path.join(directory, 'leases'), 'utf8').catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    },
  );
  return text.split('\n').flatMap((line) => {
    const [, mac = '', address = ''] = line.split(' ');
    return /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac) ? [{ mac, address }] : [];
  });
}
