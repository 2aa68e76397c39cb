/** An API server with two kinds of its own and a client certificate per user, for tests. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import * as https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KindDefinition } from '#api/kind.ts';
import { kinds } from '#api/kinds.ts';
import { array, int32, listMap, object, oneOf, string } from '#api/schema.ts';
import { type ApiServerOptions, startApiServer } from '#apiserver/server.ts';
import { createAuthority, issueCertificate, type KeyPair } from '#certs/certificates.ts';
import { writePrivateFile } from '#certs/files.ts';
import { renderKubeconfig } from '#certs/kubeconfig.ts';

/** A kind as a user's CRD would be, with a status subresource. */
export const gadget: KindDefinition = {
  group: 'test.patchbay.dev',
  version: 'v1',
  kind: 'Gadget',
  plural: 'gadgets',
  singular: 'gadget',
  shortNames: ['gg'],
  namespaced: true,
  builtin: false,
  schema: object({
    spec: object(
      {
        size: oneOf(['small', 'large'], 'How large the gadget is.'),
        count: int32('How many there are.', { default: 1, minimum: 1 }),
        tags: array(string()),
        parts: listMap(['name'], object({ name: string(), weight: int32() }, ['name'])),
      },
      ['size'],
      'What the gadget shall be.',
    ),
    status: object({ phase: string('What it is.') }),
  }),
  subresources: { status: true },
  columns: [{ name: 'Size', type: 'string', jsonPath: '.spec.size' }],
  warn: ({ object }) => ('tags' in object ? ['tags are elsewhere'] : []),
};

/** An answer, its body parsed when it is JSON. */
export interface Answer {
  readonly code: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** What `request` sends besides method and path. */
export interface Sent {
  readonly body?: unknown;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly as?: 'admin' | 'node1' | 'stranger' | 'nobody';
}

/** A running server; `restart` closes it and opens the same store again. */
export interface Fixture {
  readonly kubeconfig: string;
  /** Signs the certificates that the server takes. */
  readonly authority: KeyPair;
  readonly directory: string;
  url(): string;
  request(method: string, path: string, sent?: Sent): Promise<Answer>;
  /** Lines of a watch until `enough` says so or the server ends it. */
  watch(
    path: string,
    enough: (events: readonly WatchLine[]) => boolean,
    as?: Sent['as'],
  ): Promise<readonly WatchLine[]>;
  kubectl(
    ...argv: readonly string[]
  ): Promise<{ readonly code: number; readonly out: string; readonly err: string }>;
  restart(): Promise<void>;
  /** Does something while the server is down. */
  stopped(meanwhile: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

export interface WatchLine {
  readonly type: string;
  readonly object: Readonly<Record<string, unknown>> & {
    readonly metadata: { readonly name: string; readonly resourceVersion: string };
  };
}

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

const users = {
  admin: { commonName: 'system:admin', organizations: ['system:masters'] },
  node1: { commonName: 'system:node:node1', organizations: ['system:nodes'] },
  stranger: { commonName: 'stranger', organizations: [] },
} as const;

/** Starts a server; `options` replace the fixture's own. */
export async function startFixture(options: Partial<ApiServerOptions> = {}): Promise<Fixture> {
  const directory = await mkdtemp(join(tmpdir(), 'patchbay-apiserver-'));
  const authority = await createAuthority('test-ca');
  const serving = await issueCertificate(authority, {
    commonName: 'apiserver',
    names: ['127.0.0.1'],
    usage: 'server',
  });
  const issue = (name: keyof typeof users) =>
    issueCertificate(authority, { ...users[name], usage: 'client' });
  const certificates = {
    admin: await issue('admin'),
    node1: await issue('node1'),
    stranger: await issue('stranger'),
  };
  const start = (port: number) =>
    startApiServer({
      kinds: [...kinds, gadget],
      storePath: join(directory, 'store.db'),
      listen: [{ host: '127.0.0.1', port }],
      tls: { ...serving, ca: authority.cert },
      log: silent,
      ...options,
    });
  let server = await start(0);
  const url = server.urls[0] ?? '';
  const agents = agentsOf(authority.cert, certificates);
  const kubeconfig = join(directory, 'kubeconfig');
  await writePrivateFile(
    kubeconfig,
    renderKubeconfig({ name: 'test', server: url, ca: authority.cert, ...certificates.admin }),
  );
  const whileStopped = async (meanwhile: () => Promise<void>): Promise<void> => {
    await server.close();
    for (const agent of Object.values(agents)) {
      agent.destroy(); // its idle connections are gone, which it may not have heard yet
    }
    try {
      await meanwhile();
    } finally {
      server = await start(Number(new URL(url).port));
    }
  };
  return {
    kubeconfig,
    authority,
    directory,
    url: () => url,
    request: (method, path, sent = {}) => request(agents[sent.as ?? 'admin'], method, `${url}${path}`, sent),
    watch: (path, enough, as = 'admin') => watch(agents[as], `${url}${path}`, enough),
    kubectl: (...argv) => kubectl(directory, kubeconfig, argv),
    restart: () => whileStopped(() => Promise.resolve()),
    stopped: whileStopped,
    close: async () => {
      for (const agent of Object.values(agents)) {
        agent.destroy();
      }
      await server.close();
      await rm(directory, { recursive: true });
    },
  };
}

type Agents = Readonly<Record<NonNullable<Sent['as']>, https.Agent>>;

function agentsOf(ca: string, certificates: Readonly<Record<keyof typeof users, KeyPair>>): Agents {
  const agent = (pair: Partial<KeyPair>) => new https.Agent({ ca, ...pair, keepAlive: true });
  return {
    admin: agent(certificates.admin),
    node1: agent(certificates.node1),
    stranger: agent(certificates.stranger),
    nobody: agent({}),
  };
}

function request(agent: https.Agent, method: string, url: string, sent: Sent): Promise<Answer> {
  const { body } = sent;
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(text);
  const headers = {
    'content-type': sent.type ?? 'application/json',
    'content-length': bytes.length,
    ...sent.headers,
  };
  return new Promise((resolve, reject) => {
    const outgoing = https.request(url, { method, agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const answer = Buffer.concat(chunks).toString('utf8');
        const indented = answer.startsWith('{\n');
        const isOne = indented || (answer.startsWith('{') && !answer.trimEnd().includes('\n'));
        const parsed = isOne ? JSON.parse(answer) : {};
        resolve({ code: response.statusCode ?? 0, body: parsed, text: answer, headers: response.headers });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(bytes);
  });
}

function watch(
  agent: https.Agent,
  url: string,
  enough: (events: readonly WatchLine[]) => boolean,
): Promise<readonly WatchLine[]> {
  return new Promise((resolve, reject) => {
    const events: WatchLine[] = [];
    const outgoing = https.request(url, { agent }, (response) => {
      let rest = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        events.push(...lines.map((line) => JSON.parse(line) as WatchLine));
        if (enough(events)) {
          outgoing.destroy();
          resolve(events);
        }
      });
      // Also when the connection is cut before the end is read.
      response.on('close', () => resolve(events));
    });
    outgoing.on('error', (error) => (enough(events) ? resolve(events) : reject(error)));
    outgoing.end();
  });
}

function kubectl(
  directory: string,
  kubeconfig: string,
  argv: readonly string[],
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  return new Promise((resolve) => {
    const environment = { ...process.env, KUBECONFIG: kubeconfig, HOME: directory };
    execFile('kubectl', [...argv], { env: environment, timeout: 30_000 }, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, out: out.trim(), err: err.trim() });
    });
  });
}
