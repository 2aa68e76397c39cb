import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createAuthority, issueCertificate } from './certificates.ts';
import { writeKeyPair } from './files.ts';
import { renderKubeconfig } from './kubeconfig.ts';

test('an authority signs leaves that carry user, groups, names and usage', async () => {
  const authority = await createAuthority('patchbay-ca');
  const leaf = await issueCertificate(authority, {
    commonName: 'system:node:node1',
    organizations: ['system:nodes', 'others'],
    names: ['localhost', '127.0.0.1', 'fd00::1'],
    usage: 'both',
  });
  const ca = new X509Certificate(authority.cert);
  const certificate = new X509Certificate(leaf.cert);
  expect({
    ca: ca.ca,
    signed: certificate.verify(ca.publicKey),
    issued: certificate.checkIssued(ca),
    subject: certificate.subject,
    names: certificate.subjectAltName,
    usage: certificate.keyUsage,
    key: certificate.publicKey.asymmetricKeyDetails,
    valid:
      Date.parse(certificate.validFrom) < Date.now() && Date.parse(certificate.validTo) > Date.now() + 3.1e11,
  }).toEqual({
    ca: true,
    signed: true,
    issued: true,
    subject: 'O=system:nodes\nO=others\nCN=system:node:node1',
    names: 'DNS:localhost, IP Address:127.0.0.1, IP Address:FD00:0:0:0:0:0:0:1',
    usage: ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'],
    key: { namedCurve: 'prime256v1' },
    valid: true,
  });
});

test('key files are private and written whole', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'patchbay-certs-'));
  await writeKeyPair(join(directory, 'ca'), { cert: 'C', key: 'K' });
  await writeKeyPair(join(directory, 'ca'), { cert: 'C2', key: 'K2' });
  expect(readdirSync(directory).map((name) => [name, statSync(join(directory, name)).mode & 0o777])).toEqual([
    ['ca.crt', 0o600],
    ['ca.key', 0o600],
  ]);
  expect(readFileSync(join(directory, 'ca.key'), 'utf8')).toBe('K2');
  rmSync(directory, { recursive: true });
});

test('a kubeconfig holds everything inline', () => {
  const text = renderKubeconfig({ name: 'lab', server: 'https://127.0.0.1:1', ca: 'a', cert: 'b', key: 'c' });
  expect(JSON.parse(text)).toMatchObject({
    'current-context': 'lab',
    clusters: [{ cluster: { 'certificate-authority-data': 'YQ==' } }],
    users: [{ user: { 'client-certificate-data': 'Yg==', 'client-key-data': 'Yw==' } }],
  });
});
