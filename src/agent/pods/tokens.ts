/** Service account tokens in projected volumes: asked for by the pod's node, bound to the pod, renewed in time (kubelet's token manager). */
import { tokenRequest } from '#api/authentication.k8s.io/token.ts';
import { type Pod, pod as podKind } from '#api/core/pod.ts';
import { serviceAccount } from '#api/core/service-account.ts';
import { apiVersionOf } from '#api/kind.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { apiPath } from '#machinery/api-path.ts';
import type { Clock } from '#machinery/clock.ts';
import { isNotFound, messageOf, PatchbayError } from '#machinery/errors.ts';

/** What a token is asked for, as the source of a volume says. */
export interface TokenSource {
  readonly audience?: string | undefined;
  /** Seconds. */
  readonly expirationSeconds?: number | undefined;
}

interface Held {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly issued: number;
  readonly expires: number;
}

/** A token is renewed after this part of its life, and after a day at the latest. */
const renewAt = 0.8;
const longestMs = 24 * 3_600_000;

/** The key of a source's token among those of its pod. */
export function tokenKey({ audience = '', expirationSeconds = 3600 }: TokenSource): string {
  return `${expirationSeconds} ${audience}`;
}

/** Tokens of the pods on this node. */
export class PodTokens {
  readonly #client: ApiClient;
  readonly #clock: Clock;
  readonly #held = new Map<string, Map<string, Held>>();

  constructor(client: ApiClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** The tokens a pod's volumes need, by `tokenKey`. @throws PatchbayError `FailedMount` when one cannot be had */
  async gather(pod: Pod): Promise<ReadonlyMap<string, string>> {
    const tokens = new Map<string, string>();
    for (const volume of pod.spec.volumes ?? []) {
      for (const { serviceAccountToken: source } of volume.projected?.sources ?? []) {
        if (source !== undefined) {
          tokens.set(tokenKey(source), await this.#token(pod, volume.name, source));
        }
      }
    }
    return tokens;
  }

  /** Forgets a pod that is gone. */
  forget(uid: string): void {
    this.#held.delete(uid);
  }

  async #token(pod: Pod, volume: string, source: TokenSource): Promise<string> {
    const uid = pod.metadata.uid ?? '';
    const held = this.#held.get(uid) ?? new Map<string, Held>();
    this.#held.set(uid, held);
    const known = held.get(tokenKey(source));
    const now = this.#clock.now();
    if (known !== undefined && now < renewalOf(known)) {
      return known.token;
    }
    try {
      const fresh = await this.#request(pod, source);
      held.set(tokenKey(source), fresh);
      return fresh.token;
    } catch (error) {
      // The old one serves as long as it is good; the next look asks again.
      if (known !== undefined && now < known.expires) {
        return known.token;
      }
      const account = accountOf(pod);
      const why = isNotFound(error) ? `serviceaccounts "${account}" not found` : messageOf(error);
      throw new PatchbayError(
        'FailedMount',
        `MountVolume.SetUp failed for volume "${volume}" : failed to fetch token: ${why}`,
        { cause: error },
      );
    }
  }

  async #request(pod: Pod, { audience, expirationSeconds = 3600 }: TokenSource): Promise<Held> {
    const { name, namespace, uid } = pod.metadata;
    const path = apiPath(serviceAccount, { namespace, name: accountOf(pod), subresource: 'token' });
    const issued = this.#clock.now();
    const answer = (await this.#client.request('POST', path, {
      apiVersion: apiVersionOf(tokenRequest),
      kind: tokenRequest.kind,
      spec: {
        audiences: audience === undefined || audience === '' ? [] : [audience],
        expirationSeconds,
        boundObjectRef: { kind: podKind.kind, apiVersion: apiVersionOf(podKind), name, uid },
      },
    })) as { readonly status: { readonly token: string; readonly expirationTimestamp: string } };
    const { token, expirationTimestamp } = answer.status;
    return { token, issued, expires: Date.parse(expirationTimestamp) };
  }
}

function renewalOf({ issued, expires }: Held): number {
  return issued + Math.min(longestMs, (expires - issued) * renewAt);
}

function accountOf({ spec }: Pod): string {
  return spec.serviceAccountName || 'default';
}
