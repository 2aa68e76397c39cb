/** The key that signs service account tokens. Who has it can be anybody. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
} from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { PatchbayError } from '#machinery/errors.ts';

/** A key pair with the names that tokens know it by. */
export interface SigningKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** Digest of the public key, as kube-apiserver computes it. */
  readonly id: string;
  readonly algorithm: 'ES256' | 'RS256';
}

/** Reads the key (EC P-256 or RSA, PEM), or makes one, mode 0600. Throws PatchbayError `SigningKeyFailed`. */
export function loadSigningKey(path: string): SigningKey {
  try {
    return signingKey(readFileSync(path, 'utf8'), path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return signingKey(makeKey(path), path);
    }
    throw error instanceof PatchbayError
      ? error
      : new PatchbayError('SigningKeyFailed', `cannot read the key that signs tokens, ${path}`, {
          cause: error,
        });
  }
}

function makeKey(path: string): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const fresh = `${path}.${randomUUID()}`;
  try {
    const file = openSync(fresh, 'wx', 0o600);
    writeSync(file, pem);
    fsyncSync(file);
    closeSync(file);
    renameSync(fresh, path);
    return pem;
  } catch (error) {
    throw new PatchbayError('SigningKeyFailed', `cannot write the key that signs tokens, ${path}`, {
      cause: error,
    });
  }
}

function signingKey(pem: string, path: string): SigningKey {
  const privateKey = createPrivateKey(pem);
  const publicKey = createPublicKey(privateKey);
  const type = privateKey.asymmetricKeyType;
  const curve = privateKey.asymmetricKeyDetails?.namedCurve;
  if (type !== 'rsa' && (type !== 'ec' || curve !== 'prime256v1')) {
    throw new PatchbayError(
      'SigningKeyFailed',
      `${path} holds a key of type ${type} ${curve ?? ''}; tokens are signed with RSA or EC P-256: remove the file to have one made`,
    );
  }
  const der = publicKey.export({ type: 'spki', format: 'der' });
  const id = createHash('sha256').update(der).digest('base64url');
  return { privateKey, publicKey, id, algorithm: type === 'rsa' ? 'RS256' : 'ES256' };
}
