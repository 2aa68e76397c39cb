import * as client from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { controllerRevision } from '../apps/controller-revision.ts';
import { daemonSet } from '../apps/daemon-set.ts';
import { deployment } from '../apps/deployment.ts';
import { replicaSet } from '../apps/replica-set.ts';
import { job } from '../batch/job.ts';
import { lease } from '../coordination.k8s.io/lease.ts';
import { endpointSlice } from '../discovery.k8s.io/endpoint-slice.ts';
import { networkPolicy } from '../networking.k8s.io/network-policy.ts';
import { runtimeClass } from '../node.k8s.io/runtime-class.ts';
import { podDisruptionBudget } from '../policy/pod-disruption-budget.ts';
import { priorityClass } from '../scheduling.k8s.io/priority-class.ts';
import type { SchemaNode } from '../schema.ts';
import { configMap } from './config-map.ts';
import { endpoints } from './endpoints.ts';
import { event } from './event.ts';
import { limitRange } from './limit-range.ts';
import { namespace } from './namespace.ts';
import { node } from './node.ts';
import { pod } from './pod.ts';
import { replicationController } from './replication-controller.ts';
import { resourceQuota } from './resource-quota.ts';
import { secret } from './secret.ts';
import { service } from './service.ts';
import { serviceAccount } from './service-account.ts';

interface Model {
  getAttributeTypeMap?(): readonly { readonly baseName: string; readonly type: string }[];
}

const models = client as unknown as Readonly<Record<string, Model | undefined>>;
/** Walked by the server itself. */
const IMPLIED = new Set(['apiVersion', 'kind', 'metadata']);

/** Fields the JavaScript client knows and the schema does not: manifests with them would be refused. */
function missing(
  model: string,
  schema: SchemaNode,
  path: string,
  above: readonly string[] = [],
): readonly string[] {
  const fields = models[model]?.getAttributeTypeMap?.() ?? [];
  if (above.includes(model) || schema['x-kubernetes-preserve-unknown-fields'] === true) return [];
  return fields.flatMap(({ baseName, type }) => {
    if (IMPLIED.has(baseName) && above.length === 0) return [];
    const at = path === '' ? baseName : `${path}.${baseName}`;
    const child = schema.properties?.[baseName];
    if (child === undefined) return [at];
    const inner = /^(?:Array<|\{ \[key: string\]: )?(\w+)[>;]?/.exec(type)?.[1] ?? '';
    return missing(inner, child.items ?? child.additionalProperties ?? child, at, [...above, model]);
  });
}

describe('schemas of builtin kinds', () => {
  it.each([
    ['V1Namespace', namespace],
    ['V1ControllerRevision', controllerRevision],
    ['V1ReplicationController', replicationController],
    ['V1Node', node],
    ['V1Pod', pod],
    ['V1Service', service],
    ['V1ConfigMap', configMap],
    ['V1Secret', secret],
    ['V1ServiceAccount', serviceAccount],
    ['CoreV1Event', event],
    ['V1Lease', lease],
    ['V1Endpoints', endpoints],
    ['V1ResourceQuota', resourceQuota],
    ['V1LimitRange', limitRange],
    ['V1Deployment', deployment],
    ['V1ReplicaSet', replicaSet],
    ['V1DaemonSet', daemonSet],
    ['V1Job', job],
    ['V1EndpointSlice', endpointSlice],
    ['V1NetworkPolicy', networkPolicy],
    ['V1PodDisruptionBudget', podDisruptionBudget],
    ['V1PriorityClass', priorityClass],
    ['V1RuntimeClass', runtimeClass],
  ] as const)('%s has every field of upstream', (model, { schema }) => {
    expect(missing(model, schema, '')).toEqual([]);
  });
});
