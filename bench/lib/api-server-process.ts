/** Starts the API server in a process of its own, on a disk, with TLS and a bearer token, and reads what it costs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { createAuthority, issueCertificate } from '#certs/certificates.ts';
import { writeKeyPair } from '#certs/files.ts';
import { boundedArenas, boundedHeap } from '#lab/config.ts';
import { builtPrograms } from '#lab/programs.ts';
import { Client } from './http-load.ts';

/** Built as `patchbay up` builds the control plane. */
const program = { 'api-server': 'bench/api-server.ts' };

/** A running server. */
export interface ServerProcess {
  readonly url: string;
  readonly pid: number;
  readonly ca: string;
  /** A service account's that may do everything. */
  readonly token: string;
  /** Milliseconds from the start of the process to the answer of `/readyz`. */
  readonly readyMs: number;
}

/** Resources that a process used so far. */
export interface Usage {
  /** Seconds on any core. */
  readonly cpu: number;
  /** Mebibytes in memory. */
  readonly rss: number;
}

/** A directory with certificates in which a server can be started, again and again. */
export class ServerHome {
  readonly directory: string;
  readonly #ca: string;
  readonly #admin: { readonly cert: string; readonly key: string };
  #child: ChildProcess | undefined;

  private constructor(directory: string, ca: string, admin: { readonly cert: string; readonly key: string }) {
    this.directory = directory;
    this.#ca = ca;
    this.#admin = admin;
  }

  /** Below `/var/lib`, where a real one has its store. */
  static async make(): Promise<ServerHome> {
    const directory = await mkdtemp('/var/lib/patchbay-bench-');
    const authority = await createAuthority('bench');
    const names = ['127.0.0.1', 'localhost'];
    const serving = await issueCertificate(authority, { commonName: 'bench', names, usage: 'server' });
    const admin = await issueCertificate(authority, {
      commonName: 'admin',
      organizations: ['system:masters'],
      usage: 'client',
    });
    const file = (name: string): string => path.join(directory, name);
    await writeKeyPair(file('serving'), serving);
    await writeFile(file('ca.crt'), authority.cert);
    const config = {
      storePath: file('store.db'),
      port: 0,
      tls: { cert: file('serving.crt'), key: file('serving.key'), ca: file('ca.crt') },
    };
    await writeFile(file('config.json'), JSON.stringify(config));
    return new ServerHome(directory, authority.cert, admin);
  }

  /** Starts the server, with more arguments for Node when given. Rejects when it ends before it is ready. */
  async start(nodeArguments: readonly string[] = []): Promise<ServerProcess> {
    const { node, root } = await builtPrograms(path.join(this.directory, 'programs'), program);
    const started = performance.now();
    const child = spawn(
      node,
      [
        '--disable-warning=ExperimentalWarning',
        ...boundedHeap,
        ...nodeArguments,
        path.join(root, 'bin/api-server.js'),
        '--config',
        path.join(this.directory, 'config.json'),
      ],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: {
          ...process.env,
          ...boundedArenas,
          NODE_COMPILE_CACHE: path.join(root, 'compiled'),
        },
      },
    );
    this.#child = child;
    const url = await firstLine(child);
    const client = new Client({ url, ca: this.#ca, ...this.#admin }, 1);
    await client.expect('GET', '/readyz');
    const readyMs = performance.now() - started;
    const token = await issueToken(client);
    client.close();
    return { url, pid: child.pid ?? 0, ca: this.#ca, token, readyMs };
  }

  /** Ends the server; the store stays. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.directory, { recursive: true });
  }
}

/** CPU time and memory of a process. Rejects when it is gone. */
export async function usageOf(pid: number): Promise<Usage> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return {
    cpu: (Number(fields[11]) + Number(fields[12])) / 100,
    rss: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024,
  };
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) {
    throw new Error('the server has no output');
  }
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the API server ended with ${code} before it was ready`);
  });
  const [line] = await Promise.race([once(lines, 'line'), ended]);
  return String(line);
}

/** A token of a service account that is bound to `cluster-admin`: every request passes the same checks as a user's. */
async function issueToken(client: Client): Promise<string> {
  const accounts = '/api/v1/namespaces/kube-system/serviceaccounts';
  const metadata = { name: 'bench', namespace: 'kube-system' };
  await client.expect('POST', accounts, { metadata }, [201, 409]);
  const binding = {
    metadata: { name: 'bench' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', ...metadata }],
  };
  const bindings = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings';
  await client.expect('POST', bindings, binding, [201, 409]);
  const review = await client.expect('POST', `${accounts}/bench/token`, {
    spec: { expirationSeconds: 86_400 },
  });
  return JSON.parse(review).status.token;
}
