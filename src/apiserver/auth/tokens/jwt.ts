/** JSON Web Tokens (RFC 7519) of one key; nothing but its own algorithm is taken. */
import { sign, verify } from 'node:crypto';
import type { SigningKey } from './signing-key.ts';

/** Longest token that is looked at. */
const lengthLimit = 16 * 1024;

/** Claims of a token, unchecked but for the signature. */
export type Claims = Readonly<Record<string, unknown>>;

/** Signs claims. */
export function signToken(key: SigningKey, claims: Claims): string {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const content = `${encode({ alg: key.algorithm, kid: key.id })}.${encode(claims)}`;
  const signature = sign('sha256', Buffer.from(content), {
    key: key.privateKey,
    dsaEncoding: 'ieee-p1363',
  });
  return `${content}.${signature.toString('base64url')}`;
}

/** The claims of a token with a good signature; undefined for anything else. */
export function verifyToken(key: SigningKey, token: string): Claims | undefined {
  const [header = '', claims = '', signature = '', ...rest] = token.split('.');
  if (token.length > lengthLimit || rest.length > 0 || signature === '') {
    return undefined;
  }
  const { alg, kid } = decode(header) ?? {};
  if (alg !== key.algorithm || (kid !== undefined && kid !== key.id)) {
    return undefined;
  }
  const good = verify(
    'sha256',
    Buffer.from(`${header}.${claims}`),
    { key: key.publicKey, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  );
  return good ? decode(claims) : undefined;
}

function decode(part: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Claims)
      : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) {
      return undefined;
    }
    throw error;
  }
}
