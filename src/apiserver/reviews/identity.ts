/** Reviews of who somebody is (upstream `registry/authentication`). */
import type { TokenReview } from '#api/authentication.k8s.io/token.ts';
import { timestamp } from '#machinery/clock.ts';
import { badRequest } from '../api-errors.ts';
import { issuer } from '../auth/tokens/service-account-tokens.ts';
import type { User } from '../auth/user.ts';
import type { Review } from './reviews.ts';

function userInfo({ name, uid, groups, extra }: User): object {
  return {
    username: name,
    ...(uid === undefined ? {} : { uid }),
    groups,
    ...(extra === undefined ? {} : { extra }),
  };
}

/** Whom the server takes the asking user for. */
export function reviewSelf({ services, call }: Review): object {
  return {
    metadata: { creationTimestamp: timestamp(services.clock.now()) },
    status: { userInfo: userInfo(call.user) },
  };
}

/** Who a token stands for. */
export function reviewToken({ services, object }: Review): object {
  const { spec } = object as unknown as TokenReview;
  const { token = '', audiences = [] } = spec;
  if (token === '') {
    throw badRequest('token is required for TokenReview in authentication');
  }
  const wanted = audiences.length === 0 ? [issuer] : audiences;
  const found = services.access.checkToken(token, wanted);
  const status =
    found === undefined
      ? { user: {}, error: 'invalid bearer token' }
      : { authenticated: true, user: userInfo(found.user), audiences: found.audiences };
  return { metadata: {}, spec, status };
}
