import { badRequest } from '../api-errors.ts';
import { isRecord } from './metadata.ts';

/** Where a page ended: the revision all pages show (0: whatever is newest), and the last object. */
export interface ContinueToken {
  readonly revision: number;
  readonly namespace: string;
  readonly name: string;
}

/** A token as text. Clients must not look into it. */
export function encodeToken({ revision, namespace, name }: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: 'patchbay/1', rv: revision, namespace, name })).toString(
    'base64url',
  );
}

/** Reads a token. Throws 400 when it is none of ours. */
export function decodeToken(text: string): ContinueToken {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    if (isRecord(value) && value['v'] === 'patchbay/1') {
      const { rv, namespace, name } = value;
      if (Number.isSafeInteger(rv) && typeof namespace === 'string' && typeof name === 'string') {
        return { revision: Number(rv), namespace, name };
      }
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) {
      throw error;
    }
  }
  throw badRequest('continue key is not valid: it was not given out by this server');
}
