/** Questions who somebody is, and requests for tokens (`authentication/v1`). They are answered, not stored. */
import type { KindDefinition } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import { array, boolean, int64, map, object, string, type TypeOf, time } from '../schema.ts';

const atomic = { 'x-kubernetes-list-type': 'atomic' } as const;

const userInfo = object(
  {
    username: string('Name of the user.'),
    uid: string('UID of the user.'),
    groups: array(string(), 'Groups of the user.', atomic),
    extra: map(array(string(), undefined, atomic), 'Further facts about the user.'),
  },
  [],
  'Who somebody is.',
);

const selfSchema = object(
  { status: object({ userInfo }, [], 'The answer.') },
  [],
  'Asks the server whom it takes the asking user for.',
);

const tokenReviewSchema = object(
  {
    spec: object(
      {
        token: string('The token.'),
        audiences: array(string(), 'Audiences it must be for; none means this server.', atomic),
      },
      [],
      'What is asked.',
    ),
    status: object(
      {
        authenticated: boolean('Whether the token is good.'),
        user: userInfo,
        audiences: array(string(), 'For which of the audiences it is good.', atomic),
        error: string('Why it is not good.'),
      },
      [],
      'The answer.',
    ),
  },
  ['spec'],
  'Asks who a token stands for.',
);

/** A question about a token. */
export type TokenReview = KubeObject & TypeOf<typeof tokenReviewSchema>;

const tokenRequestSchema = object(
  {
    spec: object(
      {
        audiences: array(string(), 'For whom the token is; none means this server.', atomic),
        expirationSeconds: int64('How long it is good.', { default: 3600 }),
        boundObjectRef: object(
          {
            kind: string('Pod, Secret or Node.'),
            apiVersion: string('API version of the object.'),
            name: string('Name of the object.'),
            uid: string('UID of the object.'),
          },
          [],
          'An object that the token ends with.',
        ),
      },
      [],
      'What is asked.',
    ),
    status: object(
      { token: string('The token.'), expirationTimestamp: time('When it ends.') },
      ['token', 'expirationTimestamp'],
      'The answer.',
    ),
  },
  ['spec'],
  'Asks for a token of a service account.',
);

/** A request for a token. */
export type TokenRequest = KubeObject & TypeOf<typeof tokenRequestSchema>;

const common = {
  group: 'authentication.k8s.io',
  version: 'v1',
  namespaced: false,
  builtin: true,
  verbs: ['create'],
  columns: [],
} as const;

export const selfSubjectReview: KindDefinition = {
  ...common,
  kind: 'SelfSubjectReview',
  plural: 'selfsubjectreviews',
  singular: 'selfsubjectreview',
  schema: selfSchema,
};

export const tokenReview: KindDefinition<TokenReview> = {
  ...common,
  kind: 'TokenReview',
  plural: 'tokenreviews',
  singular: 'tokenreview',
  schema: tokenReviewSchema,
};

/** Served as the subresource `token` of service accounts only. */
export const tokenRequest: KindDefinition<TokenRequest> = {
  ...common,
  kind: 'TokenRequest',
  plural: 'tokenrequests',
  singular: 'tokenrequest',
  namespaced: true,
  schema: tokenRequestSchema,
};
