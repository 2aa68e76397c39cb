/**
 * The agent's own certificate, when its configuration has a bootstrap kubeconfig: asked for by a CertificateSigningRequest,
 * kept in the agent's kubeconfig (0600), renewed before it ends (kubelet's TLS bootstrap).
 */
import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import {
  type CertificateSigningRequest,
  certificateSigningRequest as kind,
} from '#api/certificates.k8s.io/certificate-signing-request.ts';
import { writePrivateFile } from '#certs/files.ts';
import { renderKubeconfig } from '#certs/kubeconfig.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { type Clock, sleep, systemClock } from '#machinery/clock.ts';
import { isConflict, messageOf, PatchbayError } from '#machinery/errors.ts';
import { createApiClient, type HttpApiClient } from '#machinery/http-client.ts';
import { loadKubeconfig } from '#machinery/kubeconfig.ts';
import type { Log } from '#machinery/log.ts';
import type { AgentConfig } from './config.ts';

/** What of the configuration says who the agent is. */
export type Identity = Pick<AgentConfig, 'nodeName' | 'kubeconfig' | 'bootstrapKubeconfig'>;

/** What it works with. */
export interface CertificateOptions {
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
}

/** The certificate is renewed at a random point of this part of its life. */
const renewal = { from: 0.7, to: 0.9 };
/** Milliseconds between two renewals or tries of one, and the longest single wait. */
const retryMs = 60_000;
const longestWait = 24 * 3_600_000;

/** Makes sure the kubeconfig has a certificate that is good. @throws PatchbayError when the request is denied or fails */
export async function ensureCertificate(config: Identity, options: CertificateOptions): Promise<void> {
  const { bootstrapKubeconfig: bootstrap, kubeconfig } = config;
  const { clock = systemClock, log, signal } = options;
  const end = bootstrap === undefined ? Infinity : (certificateOf(kubeconfig)?.validToDate.getTime() ?? 0);
  if (bootstrap === undefined || end > clock.now()) {
    return;
  }
  log.info({ node: config.nodeName }, 'asking for a certificate with the bootstrap token');
  const client = createApiClient(bootstrap);
  try {
    await obtain(client, config, bootstrap, signal);
  } finally {
    client.close();
  }
}

/** Renews the certificate, and lets `client` use the new one, until the signal aborts. Never rejects. */
export async function keepCertificate(
  config: Identity,
  client: HttpApiClient,
  { clock = systemClock, log, signal }: CertificateOptions,
): Promise<void> {
  const { kubeconfig, bootstrapKubeconfig } = config;
  while (bootstrapKubeconfig !== undefined && !signal.aborted) {
    const due = renewalOf(kubeconfig);
    while (!signal.aborted && clock.now() < due) {
      await sleep(Math.min(longestWait, due - clock.now()), signal, clock);
    }
    if (signal.aborted) {
      return;
    }
    try {
      await obtain(client, config, kubeconfig, signal);
      client.renew(loadKubeconfig(kubeconfig));
      log.info({ node: config.nodeName }, 'certificate renewed');
    } catch (error) {
      log.warn({ node: config.nodeName, error: messageOf(error) }, 'certificate not renewed');
    }
    // Also after a renewal: where this clock is far ahead of the signer's, the new one is due at once.
    await sleep(retryMs, signal, clock);
  }
}

function certificateOf(kubeconfig: string): X509Certificate | undefined {
  const { cert } = existsSync(kubeconfig) ? loadKubeconfig(kubeconfig) : {};
  return cert === undefined ? undefined : new X509Certificate(cert);
}

/** When to renew, in milliseconds since the epoch. */
function renewalOf(kubeconfig: string): number {
  const certificate = certificateOf(kubeconfig);
  if (certificate === undefined) {
    return 0;
  }
  const [from, to] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
  const share = renewal.from + Math.random() * (renewal.to - renewal.from);
  return from + (to - from) * share;
}

/** Asks for a certificate, waits for it, and writes it with the server and authority of `source` into the kubeconfig. */
async function obtain(
  client: ApiClient,
  { nodeName, kubeconfig }: Identity,
  source: string,
  signal: AbortSignal,
): Promise<void> {
  // Loaded only here: an agent whose certificate is there already needs no library to make requests.
  const { makeRequest } = await import('#certs/requests.ts');
  const subject = { commonName: `system:node:${nodeName}`, organizations: ['system:nodes'] };
  const keyFile = `${kubeconfig}.key`;
  // The key outlives a crash, so that the same request is found again instead of one more being made.
  const kept = existsSync(keyFile) ? readFileSync(keyFile, 'utf8') : undefined;
  const { request, key } = await makeRequest(subject, kept);
  await writePrivateFile(keyFile, key);
  const name = `node-csr-${createHash('sha256').update(key).digest('hex').slice(0, 32)}`;
  await client
    .create(kind, {
      metadata: { name },
      spec: {
        request: Buffer.from(request).toString('base64'),
        signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
        usages: ['digital signature', 'client auth'],
      },
    })
    .catch((error: unknown) => {
      if (!isConflict(error)) throw error;
    });
  const cert = await issued(client, name, signal).catch(async (error: unknown) => {
    if (error instanceof PatchbayError && !error.retryable) await rm(keyFile, { force: true });
    throw error;
  });
  const { server, ca = '' } = loadKubeconfig(source);
  await writePrivateFile(kubeconfig, renderKubeconfig({ name: nodeName, server, ca, cert, key }));
  await rm(keyFile, { force: true });
}

/** The certificate of a request, once it is there. */
async function issued(client: ApiClient, name: string, signal: AbortSignal): Promise<string> {
  while (!signal.aborted) {
    const { items, resourceVersion } = await client.list(kind, { fieldSelector: `metadata.name=${name}` });
    const there = items[0] === undefined ? undefined : verdictOf(items[0]);
    if (there !== undefined) {
      return there;
    }
    const selection = { fieldSelector: `metadata.name=${name}`, resourceVersion };
    for await (const { type, object } of client.watch(kind, selection, signal)) {
      if (type === 'DELETED') {
        throw new PatchbayError('CertificateDenied', `certificate request ${name} was deleted`);
      }
      const verdict = type === 'BOOKMARK' ? undefined : verdictOf(object);
      if (verdict !== undefined) {
        return verdict;
      }
    }
  }
  throw new PatchbayError('Aborted', `the wait for certificate request ${name} was ended`);
}

/** The certificate; undefined while it is not there. @throws PatchbayError when there will be none */
function verdictOf({ metadata, status }: CertificateSigningRequest): string | undefined {
  const no = status?.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed');
  if (no !== undefined) {
    throw new PatchbayError(
      'CertificateDenied',
      `certificate request ${metadata.name}: ${no.type}: ${no.message ?? no.reason ?? ''}`,
      { retryable: false },
    );
  }
  const certificate = status?.certificate ?? '';
  return certificate === '' ? undefined : Buffer.from(certificate, 'base64').toString('utf8');
}
