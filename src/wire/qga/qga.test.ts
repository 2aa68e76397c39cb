import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { printable, QgaClient } from './qga.ts';

interface Request {
  readonly execute: string;
  readonly arguments?: { readonly id?: number };
}

let directory: string;
let path: string;
let server: Server;

/** A guest that answers what `answer` returns; by itself it synchronizes. */
async function listen(
  answer: (request: Request) => string | Buffer,
  onSync?: (id: number) => string | Buffer,
): Promise<void> {
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      for (const line of chunk
        .toString('latin1')
        .split('\n')
        .filter((each) => each !== '')) {
        const request = JSON.parse(line.replace(/^\xff/, '')) as Request;
        const id = request.arguments?.id ?? 0;
        const sync = (): string | Buffer => onSync?.(id) ?? Buffer.from(`\xff{"return": ${id}}\n`, 'latin1');
        socket.write(request.execute === 'guest-sync-delimited' ? sync() : answer(request));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'qga-'));
  path = join(directory, 'qga.sock');
});

afterEach(async () => {
  server.close();
  await rm(directory, { recursive: true });
});

describe('QgaClient', () => {
  it('finds its place behind what an earlier client left', async () => {
    const stale = '{"return": {"pid": 7}}\n{"error": {"desc": "JSON parse error"}}\n';
    await listen(
      () => '{"return": {}}\n',
      (id) => Buffer.from(`${stale}half{\xff{"return": ${id}}\n`, 'latin1'),
    );
    const client = await QgaClient.connect(path);
    expect(await client.execute('guest-ping', undefined, 1000)).toEqual({});
    client.close();
  });

  it('synchronizes again after a request that was not answered', async () => {
    let late = '';
    await listen(
      (request) => {
        if (late === '') {
          late = '{"return": "late"}\n';
          return '';
        }
        return `{"return": "${request.execute}"}\n`;
      },
      (id) => Buffer.from(`${late}\xff{"return": ${id}}\n`, 'latin1'),
    );
    const client = await QgaClient.connect(path);
    await expect(client.execute('guest-a', undefined, 30)).rejects.toMatchObject({ failure: 'Timeout' });
    expect(await client.execute('guest-b', undefined, 10_000)).toBe('guest-b');
    client.close();
  });

  it('takes nonsense as an error and lives on', async () => {
    const answers = ['[1]\n', '{}\n', '{"error": {"desc": "no\\u001b[31m"}}\n', 'x\n', '{"return": 1}\n'];
    await listen(() => answers.shift() ?? '');
    const client = await QgaClient.connect(path);
    const failures: string[] = [];
    for (let i = 0; i < 4; i++) {
      await client
        .execute('guest-x', undefined, 1000)
        .catch((error: { failure: string }) => failures.push(error.failure));
    }
    expect(failures).toEqual(['Protocol', 'Protocol', 'Refused', 'Protocol']);
    expect(await client.execute('guest-x', undefined, 1000)).toBe(1);
    client.close();
  });

  it('cuts a guest off that answers without end', async () => {
    await listen(() => Buffer.alloc(9 * 1024 * 1024, 'x'));
    const client = await QgaClient.connect(path);
    await expect(client.execute('guest-x', undefined, 5000)).rejects.toMatchObject({ failure: 'Protocol' });
    expect(client.isClosed).toBe(true);
  });
});

describe('printable', () => {
  it('leaves nothing a terminal would obey', () => {
    expect(printable('a\u001b]0;x\u0007\u202eb')).toBe('a?]0;x??b');
    expect(printable('x'.repeat(600))).toHaveLength(501);
  });
});
