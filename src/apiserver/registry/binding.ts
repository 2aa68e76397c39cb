import type { KindDefinition } from '#api/kind.ts';
import { timestamp } from '#machinery/clock.ts';
import { badRequest, conflict, failure } from '../api-errors.ts';
import type { Call, Services } from './call.ts';
import { isRecord, readObject } from './metadata.ts';
import type { ApiObject } from './objects.ts';
import { update } from './update.ts';
import type { WriteOptions } from './write-options.ts';

const bindings = { group: '', plural: 'pods/binding' };

/**
 * `POST pods/NAME/binding`: gives a pod its node, once, with the annotations and labels of the Binding.
 * Throws 400 for a body that is no Binding, 404 for a missing pod, 409 for one that is bound or being deleted.
 */
export async function bind(
  services: Services,
  call: Call,
  pod: { readonly kind: KindDefinition; readonly namespace: string; readonly name: string },
  body: unknown,
  options: WriteOptions,
): Promise<string> {
  const binding = readObject('Binding', body);
  const target = isRecord(binding['target']) ? binding['target'] : {};
  const node = target['name'];
  if (binding.metadata.name !== undefined && binding.metadata.name !== pod.name) {
    throw badRequest('the name of the binding does not match the name of the pod on the URL');
  }
  if (typeof node !== 'string' || node === '' || (target['kind'] ?? 'Node') !== 'Node') {
    throw badRequest('target: a Binding needs target: {kind: Node, name: NODE}');
  }
  const next = (live: ApiObject) => ({ object: bound(live, node, binding, services.clock.now()) });
  await update(services, call, { ...pod, subresource: 'binding', next }, options);
  return JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
}

function bound(pod: ApiObject, node: string, binding: ApiObject, now: number): ApiObject {
  const { name } = pod.metadata;
  const spec = isRecord(pod['spec']) ? pod['spec'] : {};
  if (pod.metadata.deletionTimestamp !== undefined) {
    throw conflict(bindings, name, `pod ${name} is being deleted, cannot be assigned to a host`);
  }
  if (typeof spec['nodeName'] === 'string' && spec['nodeName'] !== '') {
    throw conflict(bindings, name, `pod ${name} is already assigned to node "${spec['nodeName']}"`);
  }
  if (Array.isArray(spec['schedulingGates']) && spec['schedulingGates'].length > 0) {
    throw failure(409, 'Conflict', `pod ${name} has non-empty .spec.schedulingGates`);
  }
  const { annotations, labels } = binding.metadata;
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      ...(annotations === undefined ? {} : { annotations: { ...pod.metadata.annotations, ...annotations } }),
      ...(labels === undefined ? {} : { labels: { ...pod.metadata.labels, ...labels } }),
    },
    spec: { ...spec, nodeName: node },
    status: scheduled(pod['status'], now),
  };
}

function scheduled(value: unknown, now: number): unknown {
  const status = isRecord(value) ? value : {};
  const conditions = Array.isArray(status['conditions']) ? status['conditions'] : [];
  const others = conditions.filter((each) => !isRecord(each) || each['type'] !== 'PodScheduled');
  const condition = { type: 'PodScheduled', status: 'True', lastTransitionTime: timestamp(now) };
  return { ...status, conditions: [...others, condition] };
}
