/** The instance's certificates: issued once, kept in `pki/`, copied to where each process reads its own. */
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { KeyPair, LeafRequest } from '#certs/certificates.ts';
import { type Owner, writeKeyPair, writePrivateFile } from '#certs/files.ts';
import { renderKubeconfig } from '#certs/kubeconfig.ts';
import type { InstancePaths } from './names.ts';
import type { LabPlan } from './plan.ts';

/** A certificate of the instance: its file name in `pki/` and what it says. */
interface WantedCertificate {
  readonly name: string;
  readonly request: LeafRequest;
}

/** Certificates are issued anew when fewer days than this are left. */
const renewDays = 30;
/** First address of the default service network: the API's own service. */
const serviceAddress = '172.30.0.1';

/** Every leaf certificate of an instance. Pure. */
function composeCertificates(plan: LabPlan): readonly WantedCertificate[] {
  return [
    {
      name: 'admin',
      request: { commonName: 'system:admin', organizations: ['system:masters'], usage: 'client' },
    },
    {
      name: 'control-plane',
      request: {
        commonName: 'system:patchbay:control-plane',
        organizations: ['system:masters'],
        usage: 'client',
      },
    },
    {
      name: 'apiserver',
      request: {
        commonName: 'kube-apiserver',
        usage: 'server',
        names: [
          'localhost',
          'kubernetes',
          'kubernetes.default',
          'kubernetes.default.svc',
          'kubernetes.default.svc.cluster.local',
          '127.0.0.1',
          plan.machine.address,
          ...(plan.machine.address6 === undefined ? [] : [plan.machine.address6]),
          serviceAddress,
        ],
      },
    },
    ...plan.nodes.flatMap(({ name, address, addresses }) => [
      {
        name: `agent-${name}`,
        request: {
          commonName: `system:node:${name}`,
          organizations: ['system:nodes'],
          usage: 'client' as const,
        },
      },
      {
        name: `agent-${name}-serving`,
        request: {
          commonName: `system:node:${name}`,
          organizations: ['system:nodes'],
          usage: 'server' as const,
          names: [...new Set([name, address, ...addresses])],
        },
      },
    ]),
  ];
}

/** Issues what is missing or outdated, and writes every process's certificates and kubeconfig. */
export async function issueCertificates(
  paths: InstancePaths,
  plan: LabPlan,
  port: number,
  controlPlaneUser: Owner,
): Promise<void> {
  const authority = await ensureAuthority(paths);
  const wanted = composeCertificates(plan);
  const issued = await Promise.all(
    wanted.map(({ name, request }) => ensurePair(paths, authority, name, request)),
  );
  const pairs = new Map(wanted.map(({ name }, index) => [name, issued[index]]));
  const pairOf = (name: string): KeyPair => {
    const pair = pairs.get(name);
    if (pair === undefined) {
      throw new Error(`certificate ${name} is not among those of the instance`);
    }
    return pair;
  };
  const kubeconfig = (host: string, name: string) =>
    renderKubeconfig({
      name: paths.instance,
      server: `https://${host}:${port}`,
      ca: authority.cert,
      ...pairOf(name),
    });
  await Promise.all([
    writeChanged(paths.kubeconfig, kubeconfig('127.0.0.1', 'admin')),
    writeTls(paths.controlPlane, pairOf('apiserver'), authority.cert, controlPlaneUser),
    writeChanged(path.join(paths.controlPlane, 'ca.key'), authority.key, controlPlaneUser),
    writeChanged(
      path.join(paths.controlPlane, 'kubeconfig'),
      kubeconfig('127.0.0.1', 'control-plane'),
      controlPlaneUser,
    ),
    ...plan.nodes.flatMap(({ name, paths: own }) => [
      writeTls(own.state, pairOf(`agent-${name}-serving`), authority.cert),
      writeChanged(own.kubeconfig, kubeconfig(plan.machine.address, `agent-${name}`)),
    ]),
  ]);
}

async function writeTls(directory: string, pair: KeyPair, ca: string, owner?: Owner): Promise<void> {
  await writeChanged(path.join(directory, 'tls.crt'), pair.cert, owner);
  await writeChanged(path.join(directory, 'tls.key'), pair.key, owner);
  await writeChanged(path.join(directory, 'ca.crt'), ca, owner);
}

async function writeChanged(file: string, text: string, owner?: Owner): Promise<void> {
  if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
    await writePrivateFile(file, text, owner);
  }
}

async function ensureAuthority({ pki, instance }: InstancePaths): Promise<KeyPair> {
  const there = readPair(path.join(pki, 'ca'));
  if (there !== undefined) {
    return there;
  }
  // Loaded only here: making certificates needs a library that takes longer to load than the rest of `up`.
  const { createAuthority } = await import('#certs/certificates.ts');
  const made = await createAuthority(`patchbay-${instance}`);
  await writeKeyPair(path.join(pki, 'ca'), made);
  return made;
}

async function ensurePair(
  { pki }: InstancePaths,
  authority: KeyPair,
  name: string,
  request: LeafRequest,
): Promise<KeyPair> {
  const prefix = path.join(pki, name);
  const there = readPair(prefix);
  if (there !== undefined && isValid(there, authority, request)) {
    return there;
  }
  const { issueCertificate } = await import('#certs/certificates.ts');
  const made = await issueCertificate(authority, request);
  await writeKeyPair(prefix, made);
  return made;
}

function readPair(prefix: string): KeyPair | undefined {
  const [cert, key] = [`${prefix}.crt`, `${prefix}.key`];
  return existsSync(cert) && existsSync(key)
    ? { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
    : undefined;
}

/** True while a certificate is of this authority, names every server name wanted, and is far from its end. */
function isValid(pair: KeyPair, authority: KeyPair, request: LeafRequest): boolean {
  const certificate = new X509Certificate(pair.cert);
  const daysLeft = (certificate.validToDate.getTime() - Date.now()) / 86_400_000;
  return (
    daysLeft > renewDays &&
    certificate.verify(new X509Certificate(authority.cert).publicKey) &&
    (request.names ?? []).every(
      (name) => certificate.checkHost(name) !== undefined || certificate.checkIP(name) !== undefined,
    )
  );
}
