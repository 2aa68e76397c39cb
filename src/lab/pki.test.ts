import { X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadKubeconfig } from '#machinery/kubeconfig.ts';
import { type InstancePaths, instancePaths } from './names.ts';
import { issueCertificates } from './pki.ts';
import { composeLab, type LabPlan } from './plan.ts';

let root: string;
let paths: InstancePaths;

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'patchbay-pki-'));
  paths = instancePaths('demo', root);
  for (const directory of [paths.pki, paths.controlPlane]) {
    mkdirSync(directory, { recursive: true });
  }
});
afterEach(() => rmSync(root, { recursive: true }));

async function issue(machineSubnet: number): Promise<LabPlan> {
  const plan = composeLab({ paths, nodes: ['node1'], machineSubnet, datapath: 'netdev' });
  for (const node of plan.nodes) {
    mkdirSync(node.paths.state, { recursive: true });
  }
  await issueCertificates(paths, plan, 6443, { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 });
  return plan;
}

function written(): Readonly<Record<string, string>> {
  const files = readdirSync(paths.pki).toSorted();
  return Object.fromEntries(files.map((file) => [file, readFileSync(path.join(paths.pki, file), 'utf8')]));
}

test('every process gets a certificate of its own identity, and files only their owner reads', async () => {
  const plan = await issue(130);
  const subjects = Object.entries(written())
    .filter(([file]) => file.endsWith('.crt') && file !== 'ca.crt')
    .map(([file, pem]) => [file, new X509Certificate(pem).subject.replaceAll('\n', ', ')]);
  expect(subjects).toEqual([
    ['admin.crt', 'O=system:masters, CN=system:admin'],
    ['agent-node1-serving.crt', 'O=system:nodes, CN=system:node:node1'],
    ['agent-node1.crt', 'O=system:nodes, CN=system:node:node1'],
    ['apiserver.crt', 'CN=kube-apiserver'],
    ['control-plane.crt', 'O=system:masters, CN=system:patchbay:control-plane'],
  ]);
  const serving = new X509Certificate(readFileSync(path.join(paths.controlPlane, 'tls.crt')));
  expect(serving.checkIP('192.168.130.1')).toBe('192.168.130.1');
  expect(statSync(paths.kubeconfig).mode & 0o777).toBe(0o600);
  expect(loadKubeconfig(paths.kubeconfig).server).toBe('https://127.0.0.1:6443');
  expect(loadKubeconfig(plan.nodes[0]?.paths.kubeconfig ?? '').server).toBe('https://192.168.130.1:6443');
});

test('a second run issues nothing; another address only what names it', async () => {
  await issue(130);
  const before = written();
  await issue(130);
  expect(written()).toEqual(before);
  await issue(131);
  const after = written();
  expect(Object.keys(after).filter((file) => after[file] !== before[file])).toEqual([
    'agent-node1-serving.crt',
    'agent-node1-serving.key',
    'apiserver.crt',
    'apiserver.key',
  ]);
});
