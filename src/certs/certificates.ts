/** Certificates of Patchbay's own authority: ECDSA P-256, signed with SHA-256, PEM in and out. */
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

/** A certificate and its private key, both PEM (the key as PKCS #8). */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** What a leaf certificate says and may be used for. */
export interface LeafRequest {
  readonly commonName: string;
  /** `O` of the subject: a client's groups. */
  readonly organizations?: readonly string[];
  /** DNS names and IP addresses of a server. */
  readonly names?: readonly string[];
  readonly usage: 'client' | 'server' | 'both';
  /** Days it is valid; default 3650. */
  readonly days?: number;
}

/** What all keys of ours are. */
export const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const dayMs = 86_400_000;
/** Certificates are valid a little before they are made: clocks of nodes differ. */
const skewMs = 5 * 60_000;

/** Makes a certificate authority that signs leaves only. */
export async function createAuthority(commonName: string, days = 3650): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: subject(commonName, []),
    ...validity(days),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: certificate.toString('pem'), key: await exportKey(keys.privateKey) };
}

/** Makes a key and a certificate for it, signed by `authority`. Throws when the authority's PEM cannot be read. */
export async function issueCertificate(authority: KeyPair, request: LeafRequest): Promise<KeyPair> {
  const issuer = new x509.X509Certificate(authority.cert);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: subject(request.commonName, request.organizations ?? []),
    issuer: issuer.subjectName,
    ...validity(request.days ?? 3650),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.key),
    extensions: await leafExtensions(request, issuer, keys.publicKey),
  });
  return { cert: certificate.toString('pem'), key: await exportKey(keys.privateKey) };
}

async function leafExtensions(
  request: LeafRequest,
  issuer: x509.X509Certificate,
  publicKey: webcrypto.CryptoKey,
): Promise<x509.Extension[]> {
  const usages = [
    ...(request.usage === 'client' ? [] : [x509.ExtendedKeyUsage.serverAuth]),
    ...(request.usage === 'server' ? [] : [x509.ExtendedKeyUsage.clientAuth]),
  ];
  const names = (request.names ?? []).map((value) => ({
    type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const),
    value,
  }));
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension(usages),
    await x509.AuthorityKeyIdentifierExtension.create(issuer),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
  ];
}

function subject(commonName: string, organizations: readonly string[]): x509.JsonName {
  return [...organizations.map((organization) => ({ O: [organization] })), { CN: [commonName] }];
}

function validity(days: number): { readonly notBefore: Date; readonly notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - skewMs), notAfter: new Date(now + days * dayMs) };
}

/** Positive and never zero, 127 random bits (RFC 5280, 4.1.2.2). */
export function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

/** A private key as PEM (PKCS #8). */
export async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}

/** A private key from PEM (PKCS #8). Throws when it is none. */
export async function importKey(pem: string, extractable = false): Promise<webcrypto.CryptoKey> {
  const [bytes] = x509.PemConverter.decode(pem);
  if (bytes === undefined) {
    throw new TypeError('the private key is not PEM');
  }
  return webcrypto.subtle.importKey('pkcs8', bytes, algorithm, extractable, ['sign']);
}
