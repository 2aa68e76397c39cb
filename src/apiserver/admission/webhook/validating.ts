/** Webhooks that refuse, asked all at once (apiserver `admission/plugin/webhook/validating`). */
import type { Authorizer } from '../../auth/authorize.ts';
import type { Catalog } from '../../registry/catalog.ts';
import type { AdmissionPlugin, Attributes } from '../plugin.ts';
import { type Calling, call } from './call.ts';
import { Configured, type Invocation } from './configured.ts';

export function validatingWebhooks(
  calling: Calling,
  catalog: Catalog,
  authorizers: readonly Authorizer[],
): AdmissionPlugin {
  const resource = 'validatingwebhookconfigurations.admissionregistration.k8s.io';
  const configured = new Configured(calling.store, catalog, authorizers, resource);
  return {
    name: 'ValidatingAdmissionWebhook',
    concerns: (target) => configured.concerns(target),
    validate(attributes) {
      const wanted = configured.hooks
        .map((hook) => configured.invocation(hook, attributes))
        .filter((invocation) => invocation !== undefined);
      return wanted.length === 0 ? undefined : askAll(calling, wanted, attributes);
    },
  };
}

/** All are heard, so that warnings are complete; the first in order that refuses is the one that is told. */
async function askAll(
  calling: Calling,
  invocations: readonly Invocation[],
  attributes: Attributes,
): Promise<void> {
  const results = await Promise.allSettled(
    invocations.map((invocation, index) =>
      call(calling, invocation, attributes, false, () => {
        const key = `failed-open.validating.webhook.admission.k8s.io/round_0_index_${index}`;
        attributes.annotate(key, invocation.hook.webhook.name);
      }),
    ),
  );
  const refusal = results.find((result) => result.status === 'rejected');
  if (refusal !== undefined) {
    throw refusal.reason;
  }
}
