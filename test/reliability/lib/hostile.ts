/** Requests that no honest client sends, as bytes on a connection. */
import { once } from 'node:events';
import * as tls from 'node:tls';
import { gzipSync } from 'node:zlib';
import type { TestServer } from './server.ts';

/** One attack: the bytes that are sent, in pieces. */
export interface Attack {
  readonly name: string;
  readonly pieces: () => Iterable<Buffer>;
}

const configMaps = '/api/v1/namespaces/default/configmaps';

function post(
  path: string,
  type: string,
  body: string | Buffer,
  extra = '',
  method = 'POST',
): () => Buffer[] {
  const bytes = Buffer.from(body);
  const head = `${method} ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${type}\r\ncontent-length: ${bytes.length}\r\n${extra}\r\n`;
  return () => [Buffer.concat([Buffer.from(head), bytes])];
}

const json = 'application/json';
const strict = `${configMaps}?fieldValidation=Strict`;
const named = (more: string): string => `{"metadata":{"name":"hostile"},${more}}`;

function aliasBomb(): string {
  const levels = ['a: &a ["x","x","x","x","x","x","x","x","x"]'];
  for (let at = 1; at < 10; at++) {
    const before = String.fromCharCode(96 + at);
    const name = String.fromCharCode(97 + at);
    levels.push(`${name}: &${name} [${new Array(9).fill(`*${before}`).join()}]`);
  }
  return `metadata: {name: hostile}\n${levels.join('\n')}\n`;
}

/** A body of 1 GiB in chunks, for as long as somebody takes it. */
function* endless(): Generator<Buffer> {
  yield Buffer.from(
    `POST ${configMaps} HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${json}\r\ntransfer-encoding: chunked\r\n\r\n`,
  );
  const size = 256 * 1024;
  const chunk = Buffer.concat([
    Buffer.from(`${size.toString(16)}\r\n`),
    Buffer.alloc(size, ' '),
    Buffer.from('\r\n'),
  ]);
  for (let at = 0; at < 4_096; at++) {
    yield chunk;
  }
}

const patch = (type: string, body: string): (() => Buffer[]) =>
  post(`${configMaps}/victim?fieldValidation=Strict`, `application/${type}`, body, '', 'PATCH');

/** All of them. */
export const attacks: readonly Attack[] = [
  { name: 'YAML alias bomb', pieces: post(configMaps, 'application/yaml', aliasBomb()) },
  {
    name: 'YAML alias bomb applied',
    pieces: post(
      `${configMaps}/hostile?fieldManager=x`,
      'application/apply-patch+yaml',
      aliasBomb(),
      '',
      'PATCH',
    ),
  },
  {
    name: 'YAML of a million items',
    pieces: post(configMaps, 'application/yaml', `metadata: {name: [${'a,'.repeat(400_000)}]}`),
  },
  {
    name: 'list 100,000 deep',
    pieces: post(configMaps, json, named(`"data":${'['.repeat(100_000)}${']'.repeat(100_000)}`)),
  },
  {
    name: 'object 100,000 deep',
    pieces: post(configMaps, json, `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`),
  },
  { name: 'YAML 100,000 deep', pieces: post(configMaps, 'application/yaml', `a: ${'['.repeat(100_000)}`) },
  { name: 'YAML 3,000 deep', pieces: post(configMaps, 'application/yaml', `a: ${'['.repeat(3_000)}`) },
  {
    name: 'YAML that contains itself',
    pieces: post(configMaps, 'application/yaml', 'metadata: &a {name: hostile, labels: *a}'),
  },
  { name: 'YAML that merges a word', pieces: post(configMaps, 'application/yaml', '<<: word') },
  { name: '1 GiB in chunks', pieces: endless },
  {
    name: '1 GiB declared',
    pieces: () => [
      Buffer.from(`POST ${configMaps} HTTP/1.1\r\nhost: x\r\ncontent-length: 1073741824\r\n\r\n`),
    ],
  },
  { name: '__proto__', pieces: post(configMaps, json, named('"__proto__":{"polluted":"yes"}')) },
  {
    name: '__proto__ in escapes',
    pieces: post(configMaps, json, named('"\\u005f_proto__":{"polluted":"yes"}')),
  },
  {
    name: '__proto__ in labels',
    pieces: post(configMaps, json, '{"metadata":{"name":"hostile","labels":{"__proto__":"x"}}}'),
  },
  {
    name: '__proto__ in YAML',
    pieces: post(configMaps, 'application/yaml', 'metadata: {name: hostile}\n__proto__: {polluted: "yes"}\n'),
  },
  {
    name: 'constructor.prototype',
    pieces: post(strict, json, named('"constructor":{"prototype":{"polluted":"yes"}}')),
  },
  { name: 'merge patch of __proto__', pieces: patch('merge-patch+json', '{"__proto__":{"polluted":"yes"}}') },
  {
    name: 'strategic patch of __proto__',
    pieces: patch('strategic-merge-patch+json', '{"metadata":{"__proto__":{"polluted":"yes"}}}'),
  },
  {
    name: 'JSON patch into __proto__',
    pieces: patch('json-patch+json', '[{"op":"add","path":"/__proto__/polluted","value":"yes"}]'),
  },
  {
    name: 'JSON patch into constructor',
    pieces: patch('json-patch+json', '[{"op":"add","path":"/constructor/prototype/polluted","value":"yes"}]'),
  },
  {
    name: 'JSON patch that doubles',
    pieces: patch(
      'json-patch+json',
      JSON.stringify(Array.from({ length: 9_000 }, () => ({ op: 'copy', from: '', path: '/data/a' }))),
    ),
  },
  { name: 'keys that occur twice', pieces: post(strict, json, named('"data":{"a":"1","a":"2"}')) },
  {
    name: 'no UTF-8',
    pieces: post(configMaps, json, Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])),
  },
  {
    name: '1e309',
    pieces: post(
      '/apis/apps/v1/namespaces/default/deployments',
      json,
      '{"metadata":{"name":"hostile"},"spec":{"replicas":1e309,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","image":"b"}]}}}}',
    ),
  },
  { name: 'line ends in a header', pieces: post(configMaps, json, '{}', 'x-a: b\rset-cookie: c\r\n') },
  {
    name: 'line ends in a field manager',
    pieces: post(`${configMaps}?fieldManager=a%0d%0aset-cookie:x`, json, named('"data":{}')),
  },
  {
    name: 'compressed bomb',
    pieces: post(configMaps, json, gzipSync(Buffer.alloc(50 * 1024 * 1024)), 'content-encoding: gzip\r\n'),
  },
  { name: 'both lengths', pieces: post(configMaps, json, '{}', 'transfer-encoding: chunked\r\n') },
  {
    name: 'selector of 60,000 conditions',
    pieces: () => [
      Buffer.from(`GET ${configMaps}?labelSelector=${'a,'.repeat(7_000)}( HTTP/1.1\r\nhost: x\r\n\r\n`),
    ],
  },
  {
    name: 'selector with a hostile value',
    pieces: () => [
      Buffer.from(`GET ${configMaps}?labelSelector=a%20in%20(((((((( HTTP/1.1\r\nhost: x\r\n\r\n`),
    ],
  },
  { name: 'no HTTP', pieces: () => [Buffer.from('\u0000\u0001\u0002 hello\r\n\r\n')] },
];

/** How an attack was answered. */
export interface AttackResult {
  /** Status of the answer; 0 when the connection ended without one. */
  readonly code: number;
  readonly ms: number;
  /** Bytes that were sent before the connection ended or the answer came. */
  readonly sent: number;
}

/** Connects as the administrator. */
export async function connect(server: TestServer): Promise<tls.TLSSocket> {
  const { cert, key } = server.pairs.admin;
  const socket = tls.connect({
    host: '127.0.0.1',
    port: server.port,
    ca: server.ca,
    cert,
    key,
    ALPNProtocols: ['http/1.1'],
  });
  socket.on('error', () => undefined); // 'close' follows
  await once(socket, 'secureConnect');
  return socket;
}

/** Bytes after which it is clear that the server takes anything. */
const enough = 96 * 1024 * 1024;

/** Carries out an attack and goes on sending, against any advice, until the server cuts it or everything is sent. */
export async function attack(server: TestServer, { pieces }: Attack): Promise<AttackResult> {
  const socket = await connect(server);
  const started = performance.now();
  let sent = 0;
  let closed = false;
  let goOn = (): void => undefined;
  socket.on('drain', () => goOn());
  const answered = new Promise<{ readonly code: number; readonly ms: number }>((resolve) => {
    socket.once('data', (chunk: Buffer) => {
      const code = Number(/^HTTP\/1\.1 (\d{3})/.exec(chunk.toString('latin1'))?.[1] ?? 0);
      resolve({ code, ms: performance.now() - started });
    });
    socket.once('close', () => {
      closed = true;
      goOn();
      resolve({ code: 0, ms: performance.now() - started });
    });
  });
  socket.resume();
  for (const piece of pieces()) {
    if (closed || sent > enough) {
      socket.destroy();
      break;
    }
    sent += piece.length;
    if (!socket.write(piece)) {
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
    }
  }
  const answer = await answered;
  socket.destroy();
  return { ...answer, sent };
}
