/** One call of one webhook, and what its answer means (apiserver `webhook/mutating/dispatcher.go`, `webhook/errors`). */

import { ApiError, messageOf, type StatusBody } from '#machinery/errors.ts';
import type { Store } from '#store/store.ts';
import { badRequest } from '../../api-errors.ts';
import type { Attributes } from '../plugin.ts';
import { internalError } from '../refusals.ts';
import { addressOf } from './address.ts';
import { CallFailed, type WebhookClient } from './client.ts';
import type { Invocation } from './configured.ts';
import { reviewFor, type Verdict, verdictOf } from './review.ts';

/** What calls need. */
export interface Calling {
  readonly store: Store;
  readonly client: WebhookClient;
}

const defaultSeconds = 10;

/**
 * Asks a webhook. Returns what it says of an allowed request, or nothing when it failed and is to be ignored; `failedOpen`
 * is then told. Throws its refusal, or 500 when it failed and is not to be ignored.
 */
export async function call(
  { store, client }: Calling,
  { hook, kind }: Invocation,
  attributes: Attributes,
  mutating: boolean,
  failedOpen: () => void,
): Promise<Verdict | undefined> {
  const { webhook } = hook;
  if (attributes.dryRun && webhook.sideEffects !== 'None' && webhook.sideEffects !== 'NoneOnDryRun') {
    throw badRequest(`admission webhook ${JSON.stringify(webhook.name)} does not support dry run`);
  }
  const { timeoutSeconds: seconds = defaultSeconds, clientConfig, admissionReviewVersions } = webhook;
  let verdict: Verdict;
  try {
    const address = addressOf(clientConfig, seconds, store);
    const review = reviewFor(attributes, kind, admissionReviewVersions);
    const answer = await client.post(address, clientConfig.caBundle, review.text, seconds);
    verdict = read(() => verdictOf(review, mutating, answer));
  } catch (error) {
    if (webhook.failurePolicy === 'Ignore') {
      failedOpen();
      return undefined;
    }
    throw internalError(`failed calling webhook ${JSON.stringify(webhook.name)}: ${messageOf(error)}`);
  }
  for (const [key, value] of Object.entries(verdict.auditAnnotations)) {
    attributes.annotate(`${webhook.name}/${key}`, value);
  }
  verdict.warnings.forEach((warning) => {
    attributes.warn(warning);
  });
  if (!verdict.allowed) {
    throw new ApiError(refusal(webhook.name, verdict.status));
  }
  return verdict;
}

function read(parse: () => Verdict): Verdict {
  try {
    return parse();
  } catch (error) {
    throw new CallFailed(`received invalid webhook response: ${messageOf(error)}`);
  }
}

/** The Status of a webhook's refusal: its own words behind who says it, never a code or status of success. */
export function refusal(name: string, given: Readonly<Record<string, unknown>> = {}): StatusBody {
  const { code, message, reason, details } = given as Partial<StatusBody>;
  const denied = `admission webhook ${JSON.stringify(name)} denied the request`;
  const why =
    typeof message === 'string' && message !== ''
      ? `: ${message}`
      : typeof reason === 'string' && reason !== ''
        ? `: ${reason}`
        : ' without explanation';
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `${denied}${why}`,
    ...(typeof reason === 'string' && reason !== '' ? { reason } : {}),
    ...(details === undefined ? {} : { details }),
    code: typeof code === 'number' && code >= 400 && code <= 599 ? code : 400,
  };
}
