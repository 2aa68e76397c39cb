import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PatchbayError } from './errors.ts';
import { loadKubeconfig, parseKubeconfig } from './kubeconfig.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

function config(parts: { cluster?: object; user?: object; context?: object; current?: string }): string {
  return JSON.stringify({
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:6443/', ...parts.cluster } }],
    users: [{ name: 'u', user: parts.user ?? {} }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', ...parts.context } }],
    'current-context': parts.current ?? 'x',
  });
}

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 't-machinery-'));
  writeFileSync(join(directory, 'ca.crt'), 'CA');
  writeFileSync(join(directory, 'token'), 'secret\n');
});
afterAll(() => rmSync(directory, { recursive: true }));

describe('kubeconfig', () => {
  it.each([
    ['the server alone', config({}), { server: 'https://127.0.0.1:6443', namespace: 'default' }],
    [
      'inline certificates',
      config({
        cluster: { 'certificate-authority-data': base64('CA') },
        user: { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') },
        context: { namespace: 'team' },
      }),
      { server: 'https://127.0.0.1:6443', ca: 'CA', cert: 'CERT', key: 'KEY', namespace: 'team' },
    ],
    [
      'files beside it',
      config({ cluster: { 'certificate-authority': 'ca.crt' }, user: { tokenFile: 'token' } }),
      { server: 'https://127.0.0.1:6443', ca: 'CA', token: 'secret', namespace: 'default' },
    ],
    [
      'names and trust',
      config({
        cluster: { 'tls-server-name': 'api', 'insecure-skip-tls-verify': true },
        user: { token: 't' },
      }),
      {
        server: 'https://127.0.0.1:6443',
        serverName: 'api',
        insecure: true,
        token: 't',
        namespace: 'default',
      },
    ],
  ])('reads %s', (_name, text, wanted) => {
    expect(parseKubeconfig(text, directory)).toEqual(wanted);
  });

  it('reads a file and another context of it', () => {
    const path = join(directory, 'config');
    writeFileSync(path, config({ current: 'other' }));
    expect(loadKubeconfig(path, 'x').server).toBe('https://127.0.0.1:6443');
  });

  it.each([
    ['{', 'is no YAML'],
    ['[]', 'the file is not a mapping'],
    ['{}', 'current-context is ""'],
    [config({ current: 'y' }), 'current-context is "y", and contexts has no entry of that name (it has: x)'],
    [config({ context: { cluster: 'd' } }), 'contexts[x].context.cluster is "d"'],
    [config({ context: { user: 'v' } }), 'contexts[x].context.user is "v"'],
    [config({ cluster: { server: 'ftp://x' } }), 'clusters[].cluster.server is "ftp://x"'],
    [config({ cluster: { server: 7 } }), 'clusters[].cluster.server is ""'],
    [config({ cluster: { 'certificate-authority': 'none.crt' } }), 'none.crt cannot be read'],
    [config({ user: { 'client-key-data': base64('KEY') } }), 'give both'],
    [config({ user: { exec: { command: 'login' } } }), 'users[u].user.exec is a way to log in'],
  ])('refuses %s', (text, message) => {
    const attempt = (): unknown => parseKubeconfig(text, directory);
    expect(attempt).toThrow(PatchbayError);
    expect(attempt).toThrow(message);
  });

  it('names a file that is not there', () => {
    expect(() => loadKubeconfig(join(directory, 'none'))).toThrow('cannot be read');
  });
});
