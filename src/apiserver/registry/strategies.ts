/** What upstream does for single builtin kinds when they are written and no kind definition can say. */
import { withConditionTimes } from '#api/certificates.k8s.io/admission/request-rules.ts';
import type { CertificateSigningRequest } from '#api/certificates.k8s.io/certificate-signing-request.ts';
import type { AdmissionRequest, KindDefinition } from '#api/kind.ts';
import type { Cause, KubeObject } from '#api/meta.ts';
import { timestamp } from '#machinery/clock.ts';
import { qualified } from '../api-errors.ts';
import { definitionResource } from '../crd/served.ts';
import { definitionStrategy } from '../crd/strategy.ts';
import { isRecord } from './metadata.ts';
import type { ApiObject } from './objects.ts';

/** Exceptions of one kind. */
export interface Strategy {
  /** Keeps the status that a creation brings. */
  readonly statusOnCreate?: boolean;
  /** What a creation starts with. */
  readonly prepareCreate?: (object: ApiObject) => ApiObject;
  /** What an update of the main resource cannot change silently. */
  readonly prepareUpdate?: (object: ApiObject, old: ApiObject) => ApiObject;
  /** What the first deletion marks, before finalizers are looked at; `now` in milliseconds. */
  readonly prepareDelete?: (object: ApiObject, now: number) => ApiObject;
  /** Defaults, after the kind's own; `now` in milliseconds. */
  readonly mutate?: (request: AdmissionRequest, now: number) => KubeObject;
  /** Rules, after the kind's own. */
  readonly validate?: (request: AdmissionRequest) => readonly Cause[];
  /** Warnings, after the kind's own. */
  readonly warn?: (request: AdmissionRequest) => readonly string[];
  /** An update without `resourceVersion` overwrites whatever is there. */
  readonly unconditionalUpdate?: boolean;
}

const strategies: Readonly<Record<string, Strategy>> = {
  namespaces: { unconditionalUpdate: true, prepareUpdate: keepFinalizers },
  // Kubelets create their Node with its status.
  nodes: { unconditionalUpdate: true, statusOnCreate: true },
  [definitionResource]: definitionStrategy,
  pods: { unconditionalUpdate: true, prepareCreate: pendingPod },
  'certificatesigningrequests.certificates.k8s.io': {
    unconditionalUpdate: true,
    prepareUpdate: (object, old) => ({ ...object, spec: old['spec'] }),
    mutate: (request, now) =>
      withConditionTimes(request as AdmissionRequest<CertificateSigningRequest>, timestamp(now)),
  },
};

const builtin: Strategy = { unconditionalUpdate: true };
const custom: Strategy = {};

/** The strategy of a kind. Custom resources and leases demand a `resourceVersion` on update. */
export function strategyOf(kind: KindDefinition): Strategy {
  return strategies[qualified(kind)] ?? (kind.builtin && kind.plural !== 'leases' ? builtin : custom);
}

/** `spec.finalizers` of a namespace change through its subresource only. */
function keepFinalizers(object: ApiObject, old: ApiObject): ApiObject {
  return { ...object, spec: old['spec'] };
}

/** What is told about a pod's networks once it has them: copied from another pod (`kubectl debug --copy-to`) it would be wrong. */
const toldOfPods: ReadonlySet<string> = new Set([
  'k8s.ovn.org/pod-networks',
  'k8s.v1.cni.cncf.io/network-status',
  'k8s.v1.cni.cncf.io/networks-status',
]);

function pendingPod(given: ApiObject): ApiObject {
  const told = Object.entries(given.metadata.annotations ?? {});
  const annotations = Object.fromEntries(told.filter(([key]) => !toldOfPods.has(key)));
  const object =
    Object.keys(annotations).length === told.length
      ? given
      : { ...given, metadata: { ...given.metadata, annotations } };
  return { ...object, status: { phase: 'Pending', qosClass: qosClass(object['spec']) } };
}

/** Quality of service by requests and limits (`component-helpers/scheduling/corev1/qos`). */
function qosClass(spec: unknown): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const listed = isRecord(spec) ? [spec['containers'], spec['initContainers']].flat() : [];
  const resources = listed.map((container) =>
    isRecord(container) && isRecord(container['resources']) ? container['resources'] : {},
  );
  const amount = (side: unknown, name: string) => (isRecord(side) ? side[name] : undefined);
  const counted = ['cpu', 'memory'];
  const named = (side: unknown) => counted.some((name) => amount(side, name) !== undefined);
  if (!resources.some((each) => named(each['requests']) || named(each['limits']))) {
    return 'BestEffort';
  }
  const guaranteed = resources
    .filter((_, at) => listed[at] !== undefined)
    .every((each) =>
      counted.every((name) => {
        const limit = amount(each['limits'], name);
        return limit !== undefined && String(amount(each['requests'], name) ?? limit) === String(limit);
      }),
    );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}
