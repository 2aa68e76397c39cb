/** `POST pods/NAME/eviction` (kube-apiserver `registry/core/pod/storage/eviction.go`). */
import type { KindDefinition } from '#api/kind.ts';
import { timestamp } from '#machinery/clock.ts';
import { ApiError } from '#machinery/errors.ts';
import { badRequest, failure, forbidden, notFound } from '../api-errors.ts';
import { internalCall, internalOptions } from '../internal-call.ts';
import { matchesLabelSelector } from '../selectors/label-selector.ts';
import type { Call, Services } from './call.ts';
import { keyOf, resourceOf } from './catalog.ts';
import { remove } from './delete.ts';
import type { DeleteOptions } from './delete-options.ts';
import { isRecord, readObject } from './metadata.ts';
import { type ApiObject, objectOf } from './objects.ts';
import { update } from './update.ts';

/** Seconds after which a refused client may try again. */
const retryAfterSeconds = 10;
const refusal = "Cannot evict pod as it would violate the pod's disruption budget.";
const success = '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","code":201}';

interface Place {
  readonly kind: KindDefinition;
  readonly namespace: string;
  readonly name: string;
}

/**
 * Deletes a pod unless its disruption budget forbids it now. Throws 400 for a body that is no Eviction of this pod, 404, 429
 * while the budget is used up, 500 when several budgets are about the pod.
 */
export async function evict(
  services: Services,
  place: Place,
  body: unknown,
  options: DeleteOptions,
): Promise<string> {
  const eviction = readObject('Eviction', body);
  const { name } = place;
  const named = eviction.metadata.name ?? '';
  if (named !== '' && named !== name) {
    throw badRequest(`name in URL does not match name in Eviction object: ${name} != ${named}`);
  }
  const entry = services.store.head(keyOf(place.kind, place.namespace, name));
  if (entry === undefined) {
    throw notFound(place.kind, name);
  }
  const pod = objectOf(entry);
  if (!isPastBudgets(pod)) {
    await spendBudget(services, place, pod, options.dryRun);
  }
  await remove(services, place.kind, place, options);
  return success;
}

/** Pods that have ended, not begun, or are going already disturb nobody. */
function isPastBudgets(pod: ApiObject): boolean {
  const phase = isRecord(pod['status']) ? pod['status']['phase'] : undefined;
  return (
    pod.metadata.deletionTimestamp !== undefined ||
    phase === 'Succeeded' ||
    phase === 'Failed' ||
    phase === 'Pending'
  );
}

async function spendBudget(services: Services, place: Place, pod: ApiObject, dryRun: boolean): Promise<void> {
  const kind = services.catalog.find('policy', 'v1', 'poddisruptionbudgets');
  if (kind === undefined) {
    return;
  }
  const list = [...services.store.list({ resource: resourceOf(kind), namespace: place.namespace })];
  const budgets = list.map(objectOf).filter((budget) => {
    const spec = isRecord(budget['spec']) ? budget['spec'] : {};
    return matchesLabelSelector(spec['selector'], pod.metadata.labels ?? {});
  });
  const [budget, second] = budgets;
  if (second !== undefined) {
    const why =
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.';
    throw failure(500, 'InternalError', `Internal error occurred: ${why}`);
  }
  if (budget === undefined || isFreeToGo(budget, pod)) {
    return;
  }
  const call: Call = internalCall('PUT', '/apis/policy/v1/poddisruptionbudgets');
  const target = { kind, namespace: place.namespace, name: budget.metadata.name, subresource: 'status' };
  const next = (live: ApiObject) => ({ object: spend(kind, live, place.name, services.clock.now()) });
  await update(services, call, { ...target, next }, { ...internalOptions, dryRun });
}

/** A pod that is not ready may go when the budget says so, or when enough others are healthy. */
function isFreeToGo(budget: ApiObject, pod: ApiObject): boolean {
  const podStatus = isRecord(pod['status']) ? pod['status'] : {};
  const conditions = Array.isArray(podStatus['conditions']) ? podStatus['conditions'] : [];
  const ready = conditions.some(
    (each) => isRecord(each) && each['type'] === 'Ready' && each['status'] === 'True',
  );
  if (ready) {
    return false;
  }
  const spec = isRecord(budget['spec']) ? budget['spec'] : {};
  const status = isRecord(budget['status']) ? budget['status'] : {};
  const healthy = Number(status['currentHealthy'] ?? 0);
  const desired = Number(status['desiredHealthy'] ?? 0);
  return spec['unhealthyPodEvictionPolicy'] === 'AlwaysAllow' || (desired > 0 && healthy >= desired);
}

/** The budget with one disruption less. Throws 403 or 429. */
function spend(kind: KindDefinition, budget: ApiObject, pod: string, now: number): ApiObject {
  const { name, generation = 0 } = budget.metadata;
  const status = isRecord(budget['status']) ? budget['status'] : {};
  if (Number(status['observedGeneration'] ?? 0) < generation) {
    throw tooManyRequests(`The disruption budget ${name} is still being processed by the server.`);
  }
  const allowed = Number(status['disruptionsAllowed'] ?? 0);
  if (allowed < 0) {
    throw forbidden(kind, name, 'pdb disruptions allowed is negative');
  }
  if (allowed === 0) {
    const needs = `needs ${Number(status['desiredHealthy'] ?? 0)} healthy pods and has ${Number(status['currentHealthy'] ?? 0)} currently`;
    throw tooManyRequests(`The disruption budget ${name} ${needs}`);
  }
  const disrupted = isRecord(status['disruptedPods']) ? status['disruptedPods'] : {};
  return {
    ...budget,
    status: {
      ...status,
      disruptionsAllowed: allowed - 1,
      disruptedPods: { ...disrupted, [pod]: timestamp(now) },
    },
  };
}

function tooManyRequests(why: string): ApiError {
  const { status } = failure(429, 'TooManyRequests', refusal, {
    causes: [{ reason: 'DisruptionBudget', message: why, field: '' }],
    retryAfterSeconds,
  });
  return new ApiError(status);
}
