/**
 * ValidatingAdmissionPolicies (apiserver `admission/plugin/policy/validating/dispatcher.go`).
 */
import type { ValidatingAdmissionPolicy } from '#api/admissionregistration.k8s.io/validating-admission-policy.ts';
import type { ValidatingAdmissionPolicyBinding } from '#api/admissionregistration.k8s.io/validating-admission-policy-binding.ts';
import { namespace as namespaceKind } from '#api/core/namespace.ts';
import type { KindDefinition } from '#api/kind.ts';
import { ApiError, messageOf } from '#machinery/errors.ts';
import type { Store } from '#store/store.ts';
import type { Authorizer } from '../../auth/authorize.ts';
import type { Catalog } from '../../registry/catalog.ts';
import { objectValue, requestVariables } from '../match/values.ts';
import type { AdmissionPlugin, Attributes } from '../plugin.ts';
import { refused } from '../refusals.ts';
import { lookup } from '../stored.ts';
import { type Decision, decide, type Fault } from './decide.ts';
import { paramsOf } from './params.ts';
import { Policies } from './policies.ts';

/** A fault and who found it. */
interface Denial extends Fault {
  readonly policy: string;
  readonly binding: string;
  readonly actions: readonly string[];
}

const codes: Readonly<Record<string, number>> = {
  Unauthorized: 401,
  Forbidden: 403,
  RequestEntityTooLarge: 413,
  Invalid: 422,
};

export function validatingPolicies(
  store: Store,
  catalog: Catalog,
  authorizers: readonly Authorizer[],
): AdmissionPlugin {
  const policies = new Policies(store, catalog);
  return {
    name: 'ValidatingAdmissionPolicy',
    concerns: (target) => policies.concerns(target),
    validate(attributes) {
      const denials: Denial[] = [];
      const annotations = new Map<string, Set<string>>();
      for (const { policy, bindings, kind } of policies.about(attributes)) {
        for (const binding of bindings) {
          const decision = judge({ store, catalog, authorizers, attributes, kind }, policy, binding);
          const { validationActions: actions = [] } = binding.spec ?? {};
          const names = { policy: policy.metadata.name, binding: binding.metadata.name };
          denials.push(...decision.faults.map((fault) => ({ ...fault, ...names, actions })));
          collect(annotations, names.policy, decision);
        }
      }
      for (const [key, values] of annotations) {
        attributes.annotate(key, [...values].join(', '));
      }
      enforce(attributes, denials);
    },
  };
}

interface Judging {
  readonly store: Store;
  readonly catalog: Catalog;
  readonly authorizers: readonly Authorizer[];
  readonly attributes: Attributes;
  readonly kind: KindDefinition;
}

function judge(
  { store, catalog, authorizers, attributes, kind }: Judging,
  policy: ValidatingAdmissionPolicy,
  binding: ValidatingAdmissionPolicyBinding,
): Decision {
  const { namespace } = attributes;
  const spec = policy.spec ?? {};
  try {
    const own = lookup(store, 'namespaces', '', namespace);
    const variables = {
      ...requestVariables(attributes, kind, authorizers),
      namespaceObject: objectValue(namespaceKind, namespace === '' ? undefined : own),
    };
    const found = paramsOf(spec, binding.spec ?? {}, { store, catalog, namespace }).map((params) =>
      decide(spec, { ...variables, params }),
    );
    return {
      faults: found.flatMap(({ faults }) => faults),
      annotations: new Map(found.flatMap((decision) => [...decision.annotations])),
    };
  } catch (error) {
    const message = `failed to configure binding: ${messageOf(error)}`;
    const faults = spec.failurePolicy === 'Ignore' ? [] : [{ message, reason: 'Invalid', index: 0 }];
    return { faults, annotations: new Map() };
  }
}

function collect(annotations: Map<string, Set<string>>, policy: string, decision: Decision): void {
  for (const [key, value] of decision.annotations) {
    const name = `${policy}/${key}`;
    annotations.set(name, (annotations.get(name) ?? new Set()).add(value));
  }
}

/** Warns, tells the audit log, and refuses with the first fault that is to be denied. */
function enforce(attributes: Attributes, denials: readonly Denial[]): void {
  const audited = denials.filter(({ actions }) => actions.includes('Audit'));
  if (audited.length > 0) {
    const told = audited.map(({ message, policy, binding, index, actions }) => ({
      message,
      policy,
      binding,
      expressionIndex: index,
      validationActions: actions,
    }));
    attributes.annotate('validation.policy.admission.k8s.io/validation_failure', JSON.stringify(told));
  }
  for (const { actions, policy, binding, message } of denials) {
    if (actions.includes('Warn')) {
      attributes.warn(
        `Validation failed for ValidatingAdmissionPolicy '${policy}' with binding '${binding}': ${message}`,
      );
    }
  }
  const denied = denials.find(({ actions }) => actions.includes('Deny'));
  if (denied !== undefined) {
    throw denialOf(attributes, denied);
  }
}

function denialOf(attributes: Attributes, { policy, binding, message, reason }: Denial): ApiError {
  const words = `ValidatingAdmissionPolicy '${policy}' with binding '${binding}' denied request: ${message}`;
  const { status } = refused(attributes, words);
  return new ApiError({
    ...status,
    reason,
    details: { ...status.details, causes: [{ message: words }] },
    code: codes[reason] ?? 422,
  });
}
