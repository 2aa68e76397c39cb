/** Kubeconfig files. https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/ */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { messageOf, PatchbayError } from './errors.ts';
import { parseYaml } from './yaml.ts';

/** What a client needs to reach a server and prove who it is. */
export interface Connection {
  /** Base URL without a trailing slash. */
  readonly server: string;
  /** PEM of the authority that signed the server's certificate. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
  /** Name to expect in the server's certificate, when it is not the URL's host. */
  readonly serverName?: string;
  /** The server's certificate is not checked. */
  readonly insecure?: boolean;
  /** Namespace of the context; `default` when it names none. */
  readonly namespace: string;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a kubeconfig file; relative paths in it start from its own directory.
 * @throws PatchbayError `InvalidKubeconfig`, not retryable, with the field that is wrong.
 */
export function loadKubeconfig(path: string, context?: string): Connection {
  return parseKubeconfig(readText(path, 'the kubeconfig'), dirname(resolve(path)), context);
}

/** Like `loadKubeconfig`, on text. `directory` is where relative paths start. */
export function parseKubeconfig(text: string, directory: string, contextName?: string): Connection {
  const config = fields(readYaml(text), 'the file');
  const current = contextName ?? textOf(config, 'current-context') ?? '';
  const context = entry(config, 'contexts', 'context', current, 'current-context');
  const cluster = entry(
    config,
    'clusters',
    'cluster',
    textOf(context, 'cluster') ?? '',
    `contexts[${current}].context.cluster`,
  );
  const userName = textOf(context, 'user') ?? '';
  const user =
    userName === '' ? {} : entry(config, 'users', 'user', userName, `contexts[${current}].context.user`);
  return {
    server: serverOf(cluster),
    ...optional('ca', pem(cluster, 'certificate-authority', directory)),
    ...optional('serverName', textOf(cluster, 'tls-server-name')),
    ...(cluster['insecure-skip-tls-verify'] === true ? { insecure: true } : {}),
    ...credentials(user, userName, directory),
    namespace: textOf(context, 'namespace') ?? 'default',
  };
}

function credentials(user: Fields, name: string, directory: string): Partial<Connection> {
  for (const method of ['exec', 'auth-provider', 'username']) {
    if (user[method] !== undefined) {
      throw invalid(
        `users[${name}].user.${method}`,
        'is a way to log in that Patchbay does not know; use client-certificate, client-key or token',
      );
    }
  }
  const cert = pem(user, 'client-certificate', directory);
  const key = pem(user, 'client-key', directory);
  if ((cert === undefined) !== (key === undefined)) {
    throw invalid(
      `users[${name}].user`,
      'has a client certificate or a client key without the other; give both',
    );
  }
  const file = textOf(user, 'tokenFile');
  const token =
    textOf(user, 'token') ??
    (file === undefined ? undefined : readText(resolve(directory, file), 'the token file').trim());
  return { ...optional('cert', cert), ...optional('key', key), ...optional('token', token) };
}

function serverOf(cluster: Fields): string {
  const server = textOf(cluster, 'server') ?? '';
  if (!URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol)) {
    throw invalid(
      'clusters[].cluster.server',
      `is ${JSON.stringify(server)}; write a URL such as https://127.0.0.1:6443`,
    );
  }
  return server.replace(/\/+$/, '');
}

function pem(from: Fields, field: string, directory: string): string | undefined {
  const inline = textOf(from, `${field}-data`);
  if (inline !== undefined) {
    return Buffer.from(inline, 'base64').toString('utf8');
  }
  const file = textOf(from, field);
  return file === undefined ? undefined : readText(resolve(directory, file), field);
}

function entry(config: Fields, list: string, field: string, name: string, source: string): Fields {
  const items: unknown = config[list];
  const found = Array.isArray(items)
    ? items.find((item: Fields | null) => item?.['name'] === name)
    : undefined;
  if (found === undefined) {
    const names = Array.isArray(items) ? items.map((item: Fields | null) => item?.['name']).join(', ') : '';
    throw invalid(
      source,
      `is ${JSON.stringify(name)}, and ${list} has no entry of that name (it has: ${names || 'none'})`,
    );
  }
  return fields((found as Fields)[field], `${list}[${name}].${field}`);
}

function fields(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(what, 'is not a mapping');
  }
  return value as Fields;
}

function textOf(from: Fields, field: string): string | undefined {
  const value = from[field];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function optional<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: V });
}

function readYaml(text: string): unknown {
  try {
    return parseYaml(text);
  } catch (error) {
    throw invalid('the file', `is no YAML: ${messageOf(error)}`);
  }
}

function readText(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new PatchbayError('InvalidKubeconfig', `${what} ${path} cannot be read`, {
      cause,
      retryable: false,
    });
  }
}

function invalid(field: string, problem: string): PatchbayError {
  return new PatchbayError('InvalidKubeconfig', `kubeconfig: ${field} ${problem}`, { retryable: false });
}
