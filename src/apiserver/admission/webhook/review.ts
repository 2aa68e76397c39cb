/** `AdmissionReview`: what webhooks are sent, and what they may answer (apiserver `webhook/request/admissionreview.go`). */
import { randomUUID } from 'node:crypto';
import type { KindDefinition } from '#api/kind.ts';
import { isRecord } from '../../registry/metadata.ts';
import { inVersion, requestOf } from '../match/request.ts';
import type { Attributes } from '../plugin.ts';

const group = 'admission.k8s.io';

/** A review ready to be sent. */
export interface Review {
  readonly uid: string;
  readonly version: 'v1' | 'v1beta1';
  readonly text: string;
}

/** What a webhook answered. */
export interface Verdict {
  readonly allowed: boolean;
  /** A `Status`, when it says why. */
  readonly status: Readonly<Record<string, unknown>> | undefined;
  /** The text of a JSON patch. */
  readonly patch: string | undefined;
  readonly patchType: string | undefined;
  readonly warnings: readonly string[];
  readonly auditAnnotations: Readonly<Record<string, string>>;
}

/** The review of a request for a webhook that takes these versions. */
export function reviewFor(attributes: Attributes, kind: KindDefinition, versions: readonly string[]): Review {
  const uid = randomUUID();
  const known = versions.find((version) => version === 'v1' || version === 'v1beta1');
  const version = known === 'v1beta1' ? 'v1beta1' : 'v1';
  const review = {
    kind: 'AdmissionReview',
    apiVersion: `${group}/${version}`,
    request: {
      uid,
      ...requestOf(attributes, kind),
      object: inVersion(attributes.object, attributes.kind, kind) ?? null,
      oldObject: inVersion(attributes.old, attributes.kind, kind) ?? null,
    },
  };
  return { uid, version, text: JSON.stringify(review) };
}

/** Reads an answer. Throws `Error` in upstream's words when it is none to this review. */
export function verdictOf(review: Review, mutating: boolean, answer: unknown): Verdict {
  const fields = isRecord(answer) ? answer : {};
  const response = fields['response'];
  if (!isRecord(response)) {
    throw new Error('webhook response was absent');
  }
  if (review.version === 'v1') {
    checkIdentity(review, fields, response);
  }
  const patch =
    typeof response['patch'] === 'string' && response['patch'] !== '' ? response['patch'] : undefined;
  const given = response['patchType'];
  const patchType = typeof given === 'string' ? given : undefined;
  checkPatch(review, mutating, patch, patchType);
  return {
    allowed: response['allowed'] === true,
    status: isRecord(response['status']) ? response['status'] : undefined,
    patch: patch === undefined ? undefined : Buffer.from(patch, 'base64').toString('utf8'),
    patchType: review.version === 'v1beta1' ? 'JSONPatch' : patchType,
    warnings: Array.isArray(response['warnings']) ? response['warnings'].map(String) : [],
    auditAnnotations: textsOf(response['auditAnnotations']),
  };
}

function checkIdentity(
  { uid }: Review,
  fields: Readonly<Record<string, unknown>>,
  response: Readonly<Record<string, unknown>>,
): void {
  if (response['uid'] !== uid) {
    throw new Error(
      `expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response['uid'] ?? '')}`,
    );
  }
  const { apiVersion, kind } = fields;
  if (apiVersion !== `${group}/v1` || kind !== 'AdmissionReview') {
    const got = `${String(apiVersion ?? '')}, Kind=${String(kind ?? '')}`;
    throw new Error(`expected webhook response of ${group}/v1, Kind=AdmissionReview, got ${got}`);
  }
}

function checkPatch(
  { version }: Review,
  mutating: boolean,
  patch: string | undefined,
  patchType: string | undefined,
): void {
  if (version === 'v1beta1') {
    return;
  }
  if (!mutating && patch !== undefined) {
    throw new Error('validating webhook may not return response.patch');
  }
  if (!mutating && patchType !== undefined) {
    throw new Error('validating webhook may not return response.patchType');
  }
  if (patch !== undefined && patchType === undefined) {
    throw new Error('webhook returned response.patch but not response.patchType');
  }
  if (patch === undefined && patchType !== undefined) {
    throw new Error('webhook returned response.patchType but not response.patch');
  }
  if (patchType !== undefined && patchType !== 'JSONPatch') {
    throw new Error(`webhook returned invalid response.patchType of ${JSON.stringify(patchType)}`);
  }
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
  return isRecord(value)
    ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, String(each)]))
    : {};
}
