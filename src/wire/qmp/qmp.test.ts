import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { QmpClient, type QmpEvent } from './qmp.ts';

const GREETING = '{"QMP": {"version": {"qemu": {"major": 7}}, "capabilities": ["oob"]}}\r\n';

interface Request {
  readonly execute: string;
  readonly arguments?: unknown;
  readonly id: string;
}

let directory: string;
let server: Server;
let path: string;

/** Listens and answers each request with what `answer` returns. */
async function listen(
  answer: (request: Request, socket: Socket) => string,
  greeting = GREETING,
): Promise<void> {
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write(greeting);
    socket.on('data', (chunk: Buffer) => {
      for (const line of chunk
        .toString()
        .split('\n')
        .filter((each) => each !== '')) {
        const request = JSON.parse(line) as Request;
        const isHandshake = request.execute === 'qmp_capabilities';
        socket.write(isHandshake ? `{"return": {}, "id": "${request.id}"}\r\n` : answer(request, socket));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'qmp-'));
  path = join(directory, 'qmp.sock');
});

afterEach(async () => {
  server.close();
  await rm(directory, { recursive: true });
});

describe('QmpClient', () => {
  it('matches replies by id, also out of order', async () => {
    const held: string[] = [];
    await listen((request) => {
      held.push(`{"return": "${request.execute}", "id": "${request.id}"}\r\n`);
      return held.length === 2 ? held.reverse().join('') : '';
    });
    const client = await QmpClient.connect(path);
    expect(await Promise.all([client.execute('a'), client.execute('b')])).toEqual(['a', 'b']);
    client.close();
  });

  it('tells events, with their time in milliseconds', async () => {
    const event = '{"timestamp": {"seconds": 2, "microseconds": 5000}, "event": "STOP"}\r\n';
    await listen((request) => `${event}{"return": {}, "id": "${request.id}"}\r\n`);
    const events: QmpEvent[] = [];
    const client = await QmpClient.connect(path, { onEvent: (each) => events.push(each) });
    await client.execute('stop');
    expect(events).toEqual([{ name: 'STOP', data: {}, timestamp: 2005 }]);
    client.close();
  });

  it('names the command that was refused and why', async () => {
    await listen(
      (request) => `{"error": {"class": "DeviceNotFound", "desc": "no x"}, "id": "${request.id}"}\r\n`,
    );
    const client = await QmpClient.connect(path);
    await expect(client.execute('device_del', { id: 'x' })).rejects.toMatchObject({
      errorClass: 'DeviceNotFound',
      message: 'QMP device_del: no x',
    });
    client.close();
  });

  it('gives up on a command in time, and ignores its late reply', async () => {
    let late = '';
    await listen((request) => {
      const reply = `{"return": "${request.execute}", "id": "${request.id}"}\r\n`;
      if (late === '') {
        late = reply;
        return '';
      }
      return late + reply;
    });
    const client = await QmpClient.connect(path);
    await expect(client.execute('slow', undefined, 20)).rejects.toMatchObject({ errorClass: 'Timeout' });
    expect(await client.execute('fast')).toBe('fast');
    client.close();
  });

  it('ends with what is waiting when the connection breaks, once', async () => {
    await listen((_, socket) => {
      socket.destroy();
      return '';
    });
    let closed = 0;
    const client = await QmpClient.connect(path, { onClose: () => closed++ });
    await expect(client.execute('quit')).rejects.toMatchObject({ errorClass: 'Closed' });
    expect(client.isClosed).toBe(true);
    await expect(client.execute('stop')).rejects.toMatchObject({ errorClass: 'Closed' });
    expect(closed).toBe(1);
  });

  it('drops a peer that speaks nonsense, too much, or not at all', async () => {
    await listen(() => 'nonsense\r\n');
    const client = await QmpClient.connect(path);
    await expect(client.execute('a')).rejects.toMatchObject({ errorClass: 'Protocol' });
    server.close();
    await rm(path, { force: true });
    await listen(() => '', 'x'.repeat(5 * 1024 * 1024));
    await expect(QmpClient.connect(path)).rejects.toThrow(/longer than/);
    server.close();
    await rm(path, { force: true });
    await listen(() => '', '');
    await expect(QmpClient.connect(path, { timeoutMs: 20 })).rejects.toMatchObject({ errorClass: 'Timeout' });
  });
});
