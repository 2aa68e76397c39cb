/** Which pods a DaemonSet lacks and which must go, and its status. Pure. pkg/controller/daemon {daemon_controller,update}.go. */
import type { DaemonSet, DaemonSetStatus } from '#api/apps/daemon-set.ts';
import type { Node } from '#api/core/node.ts';
import type { Pod } from '#api/core/pod.ts';
import { intOrPercentNumber, scaledValue } from '#api/number-rules.ts';
import { availableIn, isReady } from '../owned/pods.ts';
import { belongsOn, hashOf, nodeOf, revisionLabel } from './placement.ts';

/** A DaemonSet, all nodes, and its own pods. */
export interface DaemonView {
  readonly set: DaemonSet;
  readonly nodes: readonly Node[];
  readonly pods: readonly Pod[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What to do now. */
export interface DaemonPlan {
  /** Names of the nodes that get a pod. */
  readonly create: readonly string[];
  readonly remove: readonly Pod[];
}

interface Place {
  readonly node: string;
  readonly run: boolean;
  readonly stay: boolean;
  /** Oldest first. */
  readonly pods: readonly Pod[];
}

const isOver = ({ status }: Pod): boolean => status?.phase === 'Failed' || status?.phase === 'Succeeded';
const isLeaving = ({ metadata }: Pod): boolean => metadata.deletionTimestamp !== undefined;

function placesOf({ set, nodes, pods }: DaemonView): readonly Place[] {
  const byNode = new Map<string, Pod[]>();
  for (const pod of pods.toSorted((a, b) => (created(a) < created(b) ? -1 : 1))) {
    const name = nodeOf(pod) ?? '';
    byNode.set(name, [...(byNode.get(name) ?? []), pod]);
  }
  const known = nodes.map((node) => ({
    node: node.metadata.name,
    ...belongsOn(set, node),
    pods: byNode.get(node.metadata.name) ?? [],
  }));
  const names = new Set(nodes.map(({ metadata }) => metadata.name));
  const lost = [...byNode].filter(([name]) => !names.has(name));
  return [...known, ...lost.map(([node, left]) => ({ node, run: false, stay: false, pods: left }))];
}

function created({ metadata }: Pod): string {
  return `${metadata.creationTimestamp} ${metadata.name}`;
}

/** The steps to take now: pods for nodes without one, ends for pods that have no place, and the next step of an update. */
export function planDaemonSet(view: DaemonView): DaemonPlan {
  const hash = hashOf(view.set);
  const places = placesOf(view);
  const create: string[] = [];
  const remove: Pod[] = [];
  for (const place of places) {
    const alive = place.pods.filter((pod) => !isLeaving(pod));
    const over = alive.filter(isOver);
    const running = alive.filter((pod) => !isOver(pod));
    if (!place.stay) {
      remove.push(...alive);
      continue;
    }
    remove.push(...over);
    if (place.run && running.length === 0 && over.length === 0 && place.pods.every(isOver)) {
      create.push(place.node);
    }
    // One pod too many is the new one beside the old one while an update surges.
    const surging = surgeOf(view) > 0 && running.some((pod) => !isNew(pod, hash));
    const oldest = running.find((pod) => isNew(pod, hash)) ?? running[0];
    remove.push(...(surging ? [] : running.filter((pod) => pod !== oldest)));
  }
  const update = planUpdate(view, places, hash);
  return {
    create: [...create, ...update.create],
    remove: [...remove, ...update.remove.filter((pod) => !remove.includes(pod))],
  };
}

function isNew(pod: Pod, hash: string): boolean {
  return pod.metadata.labels?.[revisionLabel] === hash;
}

function surgeOf({ set }: DaemonView): number {
  const { type, rollingUpdate } = set.spec.updateStrategy ?? {};
  return type === 'OnDelete' ? 0 : intOrPercentNumber(rollingUpdate?.maxSurge);
}

function planUpdate(view: DaemonView, places: readonly Place[], hash: string): DaemonPlan {
  const { set, now } = view;
  if (set.spec.updateStrategy?.type === 'OnDelete') {
    return { create: [], remove: [] };
  }
  const { maxUnavailable = 1, maxSurge = 0 } = set.spec.updateStrategy?.rollingUpdate ?? {};
  const wanted = places.filter(({ run }) => run);
  const works = (pod: Pod): boolean => availableIn(pod, set.spec.minReadySeconds ?? 0, now) === 0;
  const running = ({ pods }: Place): readonly Pod[] => pods.filter((pod) => !isLeaving(pod) && !isOver(pod));
  const outdated = wanted.filter((place) => running(place).some((pod) => !isNew(pod, hash)));
  if (surgeOf(view) > 0) {
    return planSurge(outdated, scaledValue(maxSurge, wanted.length, true), { running, works, hash });
  }
  const oldOf = (place: Place): readonly Pod[] => running(place).filter((pod) => !isNew(pod, hash));
  const down = outdated.filter((place) => !running(place).some(works));
  const missing = wanted.filter((place) => !running(place).some(works)).length - down.length;
  const budget = scaledValue(maxUnavailable, wanted.length, true) - missing - down.length;
  const next = outdated.filter((place) => running(place).some(works)).slice(0, Math.max(0, budget));
  // Old pods that do not work anyway go whatever the budget: their nodes cannot get worse.
  return { create: [], remove: [...down, ...next].flatMap(oldOf) };
}

interface Judges {
  readonly running: (place: Place) => readonly Pod[];
  readonly works: (pod: Pod) => boolean;
  readonly hash: string;
}

/** The new pod comes first; the old one goes when the new one works, or when it does not work itself. */
function planSurge(outdated: readonly Place[], surge: number, { running, works, hash }: Judges): DaemonPlan {
  const remove: Pod[] = [];
  const waiting: Place[] = [];
  let busy = 0;
  for (const place of outdated) {
    const old = running(place).filter((pod) => !isNew(pod, hash));
    const fresh = running(place).filter((pod) => isNew(pod, hash));
    if (fresh.some(works) || (fresh.length === 0 && !old.some(works))) {
      remove.push(...old);
    } else if (fresh.length > 0) {
      busy += 1;
    } else {
      waiting.push(place);
    }
  }
  const create = waiting.slice(0, Math.max(0, surge - busy)).map(({ node }) => node);
  return { create, remove };
}

/** Status of a DaemonSet; nodes are counted, not pods. */
export function composeDaemonSetStatus(view: DaemonView): DaemonSetStatus {
  const { set, now } = view;
  const hash = hashOf(set);
  const places = placesOf(view).map((place) => ({
    ...place,
    pods: place.pods.filter((pod) => !isLeaving(pod)),
  }));
  const wanted = places.filter(({ run }) => run);
  const count = (holds: (pod: Pod) => boolean): number =>
    wanted.filter(({ pods }) => pods.some(holds)).length;
  const available = count((pod) => availableIn(pod, set.spec.minReadySeconds ?? 0, now) === 0);
  const { collisionCount, conditions } = set.status ?? {};
  const counts = {
    updatedNumberScheduled: count((pod) => isNew(pod, hash)),
    numberAvailable: available,
    numberUnavailable: wanted.length - available,
  };
  return {
    currentNumberScheduled: count(() => true),
    numberMisscheduled: places.filter(({ run, pods }) => !run && pods.length > 0).length,
    desiredNumberScheduled: wanted.length,
    numberReady: count(isReady),
    ...Object.fromEntries(Object.entries(counts).filter(([, value]) => value > 0)),
    ...(set.metadata.generation === undefined ? {} : { observedGeneration: set.metadata.generation }),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    ...(conditions === undefined ? {} : { conditions }),
  };
}
