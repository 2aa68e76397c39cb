import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PatchbayError } from '#machinery/errors.ts';
import { guestDriverContract } from './contract.ts';
import { createFakeGuestDriver } from './fake.ts';
import { createGuestDriver } from './guest.ts';
import { guestText, parseExecStatus, parseHostname, parseInterfaces, parseOsInfo } from './parse.ts';

const wireInterfaces = [
  { name: 'lo', 'ip-addresses': [{ 'ip-address-type': 'ipv4', 'ip-address': '127.0.0.1', prefix: 8 }] },
  {
    name: 'eth0',
    'hardware-address': '02:00:00:00:00:01',
    'ip-addresses': [
      { 'ip-address-type': 'ipv6', 'ip-address': 'fe80::1', prefix: 64 },
      { 'ip-address-type': 'ipv4', 'ip-address': '10.0.2.2', prefix: 24 },
    ],
  },
];

/** An agent in a few lines: what the contract suite's guest knows. */
class ScriptedAgent {
  readonly #commands = new Map<number, { path: string; arg?: string[] }>();
  #nextPid = 1;

  answer(execute: string, args: Readonly<Record<string, unknown>>): unknown {
    switch (execute) {
      case 'guest-network-get-interfaces':
        return wireInterfaces;
      case 'guest-get-host-name':
        return { 'host-name': 'vm-a' };
      case 'guest-get-osinfo':
        return { id: 'patchbay-guest' };
      case 'guest-exec':
        this.#commands.set(this.#nextPid, args as unknown as { path: string; arg: string[] });
        return { pid: this.#nextPid++ };
      case 'guest-exec-status':
        return this.#status(Number(args['pid']));
      default:
        return {};
    }
  }

  /** The first question comes too early, as with real commands. */
  #status(pid: number): unknown {
    const command = this.#commands.get(Math.abs(pid));
    if (command !== undefined && !this.#commands.has(-pid)) {
      this.#commands.set(-pid, command);
      return { exited: false };
    }
    const output = Buffer.from(`${(command?.arg ?? []).join(' ')}\n`).toString('base64');
    return command?.path === 'echo'
      ? { exited: true, exitcode: 0, 'out-data': output }
      : { exited: true, exitcode: 1 };
  }
}

describe('createGuestDriver', () => {
  let directory: string;
  let server: Server;
  let statusDelayMs = 0;
  const driver = createGuestDriver();

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'guest-'));
    const agent = new ScriptedAgent();
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => {
        const request = JSON.parse(chunk.toString('latin1').replace(/^\xff/, '')) as {
          execute: string;
          arguments?: Record<string, unknown>;
        };
        const isSync = request.execute === 'guest-sync-delimited';
        const value = isSync
          ? request.arguments?.['id']
          : agent.answer(request.execute, request.arguments ?? {});
        const line = Buffer.from(`${isSync ? '\xff' : ''}${JSON.stringify({ return: value })}\n`, 'latin1');
        setTimeout(() => socket.write(line), request.execute === 'guest-exec-status' ? statusDelayMs : 0);
      });
    });
    await new Promise<void>((resolve) => server.listen(join(directory, 'qga.sock'), resolve));
  });

  afterAll(async () => {
    await driver.close();
    server.close();
    await rm(directory, { recursive: true });
  });

  guestDriverContract({ driver: () => driver, uid: 'u-1', socket: () => join(directory, 'qga.sock') });

  it("waits for a busy agent's word about a command longer than for others, within the command's time", async () => {
    const hasty = createGuestDriver(100);
    hasty.attach('u-3', join(directory, 'qga.sock'));
    statusDelayMs = 200;
    try {
      const echoed = hasty.exec('u-3', ['echo', 'late'], { timeoutMs: 10_000 });
      expect((await echoed).stdout).toBe('late\n');
      await expect(hasty.exec('u-3', ['echo', 'late'], { timeoutMs: 150 })).rejects.toMatchObject({
        reason: 'GuestAgentTimeout',
      });
    } finally {
      statusDelayMs = 0;
      await hasty.close();
    }
  });

  it('refuses more input than an agent takes', async () => {
    driver.attach('u-2', join(directory, 'qga.sock'));
    const input = 'x'.repeat(1024 * 1024 + 1);
    await expect(driver.exec('u-2', ['cat'], { input })).rejects.toMatchObject({
      reason: 'GuestExecInvalid',
    });
  });
});

describe('createFakeGuestDriver', () => {
  const answers = parseInterfaces(wireInterfaces);
  const driver = createFakeGuestDriver(
    new Map([
      [
        'u-1',
        {
          hostname: 'vm-a',
          interfaces: answers,
          osInfo: { id: 'patchbay-guest' },
          exec: ([path, ...rest]: readonly string[]) => ({
            exitCode: path === 'echo' ? 0 : 1,
            stdout: path === 'echo' ? `${rest.join(' ')}\n` : '',
            stderr: '',
            truncated: false,
          }),
        },
      ],
    ]),
  );
  guestDriverContract({ driver: () => driver, uid: 'u-1', socket: () => '/unused' });
});

describe('what a guest says', () => {
  it('is a value of ours or a PatchbayError, whatever it is', () => {
    for (const parse of [parseInterfaces, parseOsInfo, parseHostname, parseExecStatus]) {
      fc.assert(
        fc.property(fc.jsonValue(), (value) => {
          try {
            parse(value);
          } catch (error) {
            expect(error).toBeInstanceOf(PatchbayError);
          }
        }),
      );
    }
  });

  it('loses control characters and what is too long', () => {
    expect(guestText(`a\u0000\u001b[1m\u202e${'b'.repeat(300)}`)).toBe(`a[1m${'b'.repeat(252)}`);
  });

  it('loses addresses that are none', () => {
    const addresses = [
      { 'ip-address-type': 'ipv4', 'ip-address': 'evil', prefix: 24 },
      { 'ip-address-type': 'ipv4', 'ip-address': '10.0.0.1', prefix: 33 },
      { 'ip-address-type': 'ipv6', 'ip-address': 'FD00::1', prefix: 64 },
    ];
    expect(parseInterfaces([{ name: 'e', 'hardware-address': 'x', 'ip-addresses': addresses }])).toEqual([
      { name: 'e', addresses: ['fd00::1/64'] },
    ]);
  });

  it('maps a signal to 128 and more', () => {
    expect(parseExecStatus({ exited: true, signal: 9 })?.exitCode).toBe(137);
  });
});
