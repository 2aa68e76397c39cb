/** What the resources of a running pod may become. k8s.io/kubernetes/pkg/apis/core/validation ValidatePodResize. */
import { isDeepStrictEqual } from 'node:util';
import { forbidden, invalid } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import { quantityValue } from '../../quantity.ts';
import type { Container } from '../container.ts';
import type { Pod } from '../pod.ts';
import { qosClassOf } from './pod-qos.ts';
import { resizable, restartsFor } from './resize-policy.ts';

const lists = ['containers', 'initContainers'] as const;
type ListName = (typeof lists)[number];
type Quantities = Readonly<Record<string, string | number>>;

const onlyThese = 'only cpu and memory resources are mutable';

/** Causes for every change that is not allowed through the subresource `resize`. */
export function resizeCauses(pod: Pod, old: Pod): readonly Cause[] {
  const misplaced = lists.flatMap((list) => orderCauses(pod, old, list));
  const early = [...qosCauses(pod, old), ...nodeCauses(old), ...podLevelCauses(pod, old)];
  if (misplaced.length > 0) {
    return [...early, ...misplaced];
  }
  const each = lists.flatMap((list) =>
    (old.spec[list] ?? []).flatMap((before, index) => {
      const after = pod.spec[list]?.[index] ?? before;
      return [
        ...removalCauses(after, before, `spec.${list}[${index}].resources`),
        ...changeCauses(after, before, list, index),
      ];
    }),
  );
  return [...early, ...each, ...(isSameBesides(pod, old) ? [] : [forbidden('spec', onlyThese)])];
}

/** Whether nothing else changed: what admission webhooks make of a pod is checked too. */
function isSameBesides({ spec }: Pod, { spec: old }: Pod): boolean {
  const without = { containers: [], initContainers: [], resources: {} };
  return isDeepStrictEqual(plain({ ...spec, ...without }), plain({ ...old, ...without }));
}

/** Containers stay in their places. */
function orderCauses(pod: Pod, old: Pod, list: ListName): readonly Cause[] {
  const [now, before] = [pod.spec[list] ?? [], old.spec[list] ?? []];
  if (now.length !== before.length) {
    return [forbidden(`spec.${list}`, `${list} may not be added or removed on resize`)];
  }
  return before.flatMap(({ name }, index) =>
    now[index]?.name === name
      ? []
      : [forbidden(`spec.${list}[${index}].name`, `${list} may not be renamed or reordered on resize`)],
  );
}

function qosCauses(pod: Pod, old: Pod): readonly Cause[] {
  const before = old.status?.qosClass ?? qosClassOf(old.spec);
  return qosClassOf(pod.spec) === before
    ? []
    : [invalid('spec', before, 'Pod QOS Class may not change as a result of resizing')];
}

/** Who runs its containers must tell their resources: launchers of virtual machines have none that could change. */
function nodeCauses({ status }: Pod): readonly Cause[] {
  const running = status?.containerStatuses?.find(({ state }) => state?.running !== undefined);
  return running === undefined || running.resources !== undefined
    ? []
    : [forbidden('spec', 'Pod running on node without support for resize')];
}

/** Upstream takes these by default since 1.36 (InPlacePodLevelResourcesVerticalScaling); nodes here keep what they began with. */
function podLevelCauses(pod: Pod, old: Pod): readonly Cause[] {
  return sameWithin(pod.spec.resources ?? {}, old.spec.resources ?? {}, [])
    ? []
    : [
        forbidden(
          'spec.resources',
          'pod-level resources cannot be resized on these nodes; resize `spec.containers[*].resources`',
        ),
      ];
}

function removalCauses(
  { resources }: Container,
  { resources: old }: Container,
  at: string,
): readonly Cause[] {
  return (['requests', 'limits'] as const).flatMap((side) => {
    const [now, before] = [resources?.[side] ?? {}, old?.[side] ?? {}];
    return Object.keys(before).some((name) => now[name] === undefined)
      ? [forbidden(`${at}.${side}`, `resource ${side} cannot be removed`)]
      : [];
  });
}

function changeCauses(after: Container, before: Container, list: ListName, index: number): readonly Cause[] {
  const { resources, resizePolicy = [], ...others } = after;
  const { resources: oldResources, resizePolicy: oldPolicy = [], ...oldOthers } = before;
  const isSame =
    isDeepStrictEqual(plain({ ...others, resizePolicy }), plain({ ...oldOthers, resizePolicy: oldPolicy })) &&
    sameWithin(resources ?? {}, oldResources ?? {}, resizable);
  if (list === 'containers') {
    return isSame ? [] : [forbidden('spec', onlyThese)];
  }
  const at = `spec.initContainers[${index}]`;
  const isResized = !sameWithin(resources ?? {}, oldResources ?? {}, []);
  const wouldRestart = after.restartPolicy !== 'Always' && resizable.some((name) => restartsFor(after, name));
  return [
    ...(isSame
      ? []
      : [forbidden(at, 'only cpu and memory resources for init or sidecar containers are mutable')]),
    ...(isResized && wouldRestart
      ? [
          forbidden(
            at,
            'non-sidecar init containers with a resize policy of RestartContainer cannot be resized',
          ),
        ]
      : []),
  ];
}

/** Whether two resources differ at most in the amounts of `free`. */
function sameWithin(
  { limits = {}, requests = {}, claims = [] }: NonNullable<Container['resources']>,
  old: NonNullable<Container['resources']>,
  free: readonly string[],
): boolean {
  const same = (now: Quantities, before: Quantities): boolean =>
    [...new Set([...Object.keys(now), ...Object.keys(before)])].every(
      (name) =>
        free.includes(name) ||
        (now[name] !== undefined &&
          before[name] !== undefined &&
          quantityValue(now[name]) === quantityValue(before[name])),
    );
  return (
    same(limits, old.limits ?? {}) &&
    same(requests, old.requests ?? {}) &&
    isDeepStrictEqual(plain(claims), plain(old.claims ?? []))
  );
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
