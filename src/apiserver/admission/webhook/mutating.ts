/** Webhooks that change objects, one after the other (apiserver `admission/plugin/webhook/mutating`). */
import { messageOf } from '#machinery/errors.ts';
import type { Authorizer } from '../../auth/authorize.ts';
import { deepEqual } from '../../patch/equal.ts';
import { applyJsonPatch } from '../../patch/json.ts';
import type { Catalog } from '../../registry/catalog.ts';
import { isRecord } from '../../registry/metadata.ts';
import type { ApiObject } from '../../registry/objects.ts';
import { inVersion } from '../match/request.ts';
import type { AdmissionPlugin, Attributes, Round } from '../plugin.ts';
import { internalError } from '../refusals.ts';
import { type Calling, call } from './call.ts';
import { Configured, type Hook, type Invocation } from './configured.ts';
import type { Verdict } from './review.ts';

/** What the second pass must know of the first. */
interface Memory {
  /** Webhooks that want to be asked again if another one changes the object after them. */
  readonly eligible: Set<string>;
  /** Those that are to be asked again. */
  readonly wanted: Set<string>;
  output: ApiObject | undefined;
}

export function mutatingWebhooks(
  calling: Calling,
  catalog: Catalog,
  authorizers: readonly Authorizer[],
): AdmissionPlugin {
  const resource = 'mutatingwebhookconfigurations.admissionregistration.k8s.io';
  const configured = new Configured(calling.store, catalog, authorizers, resource);
  return {
    name: 'MutatingAdmissionWebhook',
    concerns: (target) => configured.concerns(target),
    mutate: (attributes, round) => askAll(calling, configured, attributes, round),
  };
}

async function askAll(
  calling: Calling,
  configured: Configured,
  attributes: Attributes,
  round: Round,
): Promise<ApiObject | undefined> {
  const memory = memoryOf(round);
  let current = attributes;
  if (round.number === 1 && current.object !== memory.output) {
    wantEligible(memory);
  }
  for (const [index, hook] of configured.hooks.entries()) {
    const invocation = configured.invocation(hook, current);
    if (invocation === undefined || (round.number === 1 && !memory.wanted.has(hook.id))) {
      continue;
    }
    const object = await ask(calling, invocation, current, round.number, index);
    const changed = object !== current.object;
    if (changed) {
      current = { ...current, object };
      wantEligible(memory);
      round.again();
    }
    if (hook.webhook.reinvocationPolicy === 'IfNeeded') {
      memory.eligible.add(hook.id);
    }
  }
  memory.output = current.object;
  return current.object;
}

function memoryOf({ memory }: Round): Memory {
  const known = memory.get('webhooks') as Memory | undefined;
  const kept = known ?? { eligible: new Set(), wanted: new Set(), output: undefined };
  memory.set('webhooks', kept);
  return kept;
}

function wantEligible({ eligible, wanted }: Memory): void {
  for (const id of eligible) {
    wanted.add(id);
  }
  eligible.clear();
}

async function ask(
  calling: Calling,
  invocation: Invocation,
  attributes: Attributes,
  round: number,
  index: number,
): Promise<ApiObject | undefined> {
  const { hook, kind } = invocation;
  const place = `round_${round}_index_${index}`;
  const verdict = await call(calling, invocation, attributes, true, () => {
    attributes.annotate(`failed-open.mutation.webhook.admission.k8s.io/${place}`, hook.webhook.name);
  });
  if (verdict === undefined) {
    return attributes.object;
  }
  const shown = inVersion(attributes.object, attributes.kind, kind);
  const patched = patchedBy(hook, verdict, shown);
  const changed = patched !== shown && !deepEqual(patched, shown);
  attributes.annotate(
    `mutation.webhook.admission.k8s.io/${place}`,
    JSON.stringify({ configuration: hook.configuration, webhook: hook.webhook.name, mutated: changed }),
  );
  return changed ? inVersion(patched, kind, attributes.kind) : attributes.object;
}

function patchedBy(hook: Hook, { patch }: Verdict, object: ApiObject | undefined): ApiObject | undefined {
  const operations = patch === undefined ? [] : parsed(patch);
  if (Array.isArray(operations) && operations.length === 0) {
    return object;
  }
  if (object === undefined) {
    const name = JSON.stringify(hook.webhook.name);
    throw internalError(
      `admission webhook ${name} attempted to modify the object, which is not supported for this operation`,
    );
  }
  const result = guarded(() => applyJsonPatch(object, operations));
  if (!isRecord(result) || !isRecord(result['metadata'])) {
    throw internalError(`the patch of admission webhook ${JSON.stringify(hook.webhook.name)} left no object`);
  }
  return result as unknown as ApiObject;
}

function parsed(text: string): unknown {
  return guarded(() => JSON.parse(text) as unknown);
}

function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw internalError(messageOf(error));
  }
}
