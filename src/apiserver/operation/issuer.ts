/** Who issues service account tokens and with which key, for those who check them elsewhere (OpenID Connect Discovery 1.0, RFC 7517). */
import { issuer } from '../auth/tokens/service-account-tokens.ts';
import type { SigningKey } from '../auth/tokens/signing-key.ts';
import type { Answer } from '../http/answer.ts';

const keysPath = '/openid/v1/jwks';

/** The answer to one of the two paths; undefined for any other. `host` is where clients reach this server. */
export function issuerDocument(path: string, key: SigningKey, host: string): Answer | undefined {
  if (path === '/.well-known/openid-configuration') {
    const document = {
      issuer,
      jwks_uri: `https://${host}${keysPath}`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [key.algorithm],
    };
    return { code: 200, body: JSON.stringify(document), contentType: 'application/json' };
  }
  if (path !== keysPath) {
    return undefined;
  }
  const { kty, ...numbers } = key.publicKey.export({ format: 'jwk' });
  const keys = [{ use: 'sig', kty, kid: key.id, alg: key.algorithm, ...numbers }];
  return { code: 200, body: JSON.stringify({ keys }), contentType: 'application/jwk-set+json' };
}
