/** Certificate requests (PKCS #10): made, read, and signed. PEM in and out. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { PatchbayError } from '#machinery/errors.ts';
import { algorithm, exportKey, importKey, type KeyPair, serialNumber } from './certificates.ts';

/** What a request says. */
export interface CertificateRequest {
  readonly commonName: string;
  /** `O` of the subject. */
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly uris: readonly string[];
}

/** How a request is signed. */
export interface SigningTerms {
  /** Names of `certificates/v1 KeyUsage`. */
  readonly usages: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const { KeyUsageFlags: flags, ExtendedKeyUsage: extended } = x509;
const keyUsageFlags: Readonly<Record<string, x509.KeyUsageFlags>> = {
  signing: flags.digitalSignature,
  'digital signature': flags.digitalSignature,
  'content commitment': flags.nonRepudiation,
  'key encipherment': flags.keyEncipherment,
  'key agreement': flags.keyAgreement,
  'data encipherment': flags.dataEncipherment,
};
const extendedUsages: Readonly<Record<string, string>> = {
  'server auth': extended.serverAuth,
  'client auth': extended.clientAuth,
};

/** Makes a key and a request for a client's certificate; or uses the key given (PKCS #8). */
export async function makeRequest(
  subject: Pick<CertificateRequest, 'commonName' | 'organizations'>,
  key?: string,
): Promise<{ readonly request: string; readonly key: string }> {
  const keys = key === undefined ? await newKeys() : await keysOf(key);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [...subject.organizations.map((each) => ({ O: [each] })), { CN: [subject.commonName] }],
    keys,
    signingAlgorithm: algorithm,
  });
  return { request: request.toString('pem'), key: key ?? (await exportKey(keys.privateKey)) };
}

/** Reads a request. @throws PatchbayError `InvalidRequest` when it is none */
export function readRequest(pem: string): CertificateRequest {
  const request = parse(pem);
  const names =
    request.extensions.find((one) => one instanceof x509.SubjectAlternativeNameExtension)?.names.items ?? [];
  const of = (type: string): readonly string[] =>
    names.filter((one) => one.type === type).map(({ value }) => value);
  return {
    commonName: request.subjectName.getField('CN')[0] ?? '',
    organizations: request.subjectName.getField('O'),
    dnsNames: of('dns'),
    ipAddresses: of('ip'),
    emailAddresses: of('email'),
    uris: of('url'),
  };
}

/**
 * Signs a request: its subject and names as they are, the usages and the time as the terms say, whatever else it asks for left out.
 * @throws PatchbayError `InvalidRequest` when it was not made with the key it names
 */
export async function signRequest(authority: KeyPair, pem: string, terms: SigningTerms): Promise<string> {
  const request = parse(pem);
  if (!(await request.verify())) {
    throw invalid('its signature is not of the key in it');
  }
  const issuer = new x509.X509Certificate(authority.cert);
  const usage = terms.usages.reduce((all, name) => all | (keyUsageFlags[name] ?? 0), 0);
  const purposes = terms.usages.flatMap((name) => extendedUsages[name] ?? []);
  const names = request.extensions.find((one) => one instanceof x509.SubjectAlternativeNameExtension);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: request.subjectName.toJSON(),
    issuer: issuer.subjectName,
    notBefore: terms.notBefore,
    notAfter: new Date(Math.min(terms.notAfter.getTime(), issuer.notAfter.getTime())),
    signingAlgorithm: algorithm,
    publicKey: request.publicKey,
    signingKey: await importKey(authority.key),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      ...(usage === 0 ? [] : [new x509.KeyUsagesExtension(usage, true)]),
      ...(purposes.length === 0 ? [] : [new x509.ExtendedKeyUsageExtension(purposes)]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      await x509.SubjectKeyIdentifierExtension.create(request.publicKey),
      ...(names === undefined ? [] : [new x509.SubjectAlternativeNameExtension(names.names.toJSON())]),
    ],
  });
  return `${certificate.toString('pem')}\n`;
}

function parse(pem: string): x509.Pkcs10CertificateRequest {
  const block = /-----BEGIN ([A-Z0-9 ]+)-----\r?\n[\s\S]+?-----END \1-----/.exec(pem);
  if (block?.[1] !== 'CERTIFICATE REQUEST' && block?.[1] !== 'NEW CERTIFICATE REQUEST') {
    throw invalid('PEM block type must be CERTIFICATE REQUEST');
  }
  try {
    const request = new x509.Pkcs10CertificateRequest(block[0].replaceAll('NEW CERTIFICATE', 'CERTIFICATE'));
    // Extensions and subject are read late; what cannot be read is told here.
    void [request.extensions, request.subjectName.toJSON(), request.publicKey];
    return request;
  } catch (cause) {
    throw invalid(cause instanceof Error ? cause.message : String(cause));
  }
}

function invalid(why: string): PatchbayError {
  return new PatchbayError('InvalidRequest', why, { retryable: false });
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function keysOf(pem: string): Promise<webcrypto.CryptoKeyPair> {
  const privateKey = await importKey(pem, true);
  const { kty, crv, x, y } = await webcrypto.subtle.exportKey('jwk', privateKey);
  const jwk = { kty, crv, x, y } as webcrypto.JsonWebKey;
  const publicKey = await webcrypto.subtle.importKey('jwk', jwk, algorithm, true, ['verify']);
  return { privateKey, publicKey };
}
