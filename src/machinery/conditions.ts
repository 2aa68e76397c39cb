/** Lists of conditions as values: every function returns a new list, or the same one when nothing changed. */
import type { Condition } from '#api/meta.ts';
import { timestamp } from './clock.ts';
import { equal } from './merge-patch.ts';

/** A condition before it has times. */
export type ConditionClaim = Omit<Condition, 'lastTransitionTime' | 'lastHeartbeatTime' | 'lastProbeTime'>;

/** The condition of that type. */
export function findCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** Whether the condition of that type is there and has that status (default `True`). */
export function hasCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
  status: Condition['status'] = 'True',
): boolean {
  return findCondition(conditions, type)?.status === status;
}

/**
 * Sets a condition in its place, or appends it. `lastTransitionTime` moves only when `status` does.
 * @param now milliseconds since the epoch
 */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  claim: ConditionClaim,
  now: number,
): readonly Condition[] {
  const list = conditions ?? [];
  const index = list.findIndex((condition) => condition.type === claim.type);
  const old = list[index];
  if (old === undefined) {
    return [...list, { ...claim, lastTransitionTime: timestamp(now) }];
  }
  const { lastTransitionTime, lastHeartbeatTime, lastProbeTime, ...oldClaim } = old;
  if (equal(oldClaim, claim)) {
    return list;
  }
  const moved = old.status !== claim.status || lastTransitionTime === undefined;
  const times = {
    lastTransitionTime: moved ? timestamp(now) : lastTransitionTime,
    lastHeartbeatTime,
    lastProbeTime,
  };
  return list.with(index, { ...claim, ...times });
}

/** The list without the condition of that type. */
export function removeCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
): readonly Condition[] {
  const list = conditions ?? [];
  return list.some((condition) => condition.type === type)
    ? list.filter((condition) => condition.type !== type)
    : list;
}
