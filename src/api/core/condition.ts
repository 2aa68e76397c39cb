/** Conditions, the common part of every status. */
import { array, int64, listMap, object, oneOf, string, type TypeOf, time } from '../schema.ts';

/** One entry of `status.conditions`. */
const condition = object(
  {
    type: string('What the condition is about.'),
    status: oneOf(['True', 'False', 'Unknown'], 'Whether it holds.'),
    observedGeneration: int64('Generation of the object that was looked at.'),
    lastProbeTime: { ...time('When it was last looked at.'), nullable: true },
    lastHeartbeatTime: time('When it was last confirmed.'),
    lastTransitionTime: { ...time('When status last changed.'), nullable: true },
    reason: string('CamelCase word for the cause, stable for programs.'),
    message: string('The cause in words.'),
  },
  ['type', 'status'],
);
export type ConditionValue = TypeOf<typeof condition>;

/** Conditions told apart by type. */
export const conditions = listMap(['type'], condition, 'What is known about the object.');

/** Conditions as a plain list, as the custom resources of KubeVirt and nmstate have them. */
export const conditionList = array(condition, 'What is known about the object.');
