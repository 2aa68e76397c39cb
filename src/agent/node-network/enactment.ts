/** Conditions of an enactment. Types, reasons and messages are kubernetes-nmstate's. Pure. */
import type { Condition } from '#api/meta.ts';
import { timestamp } from '#machinery/clock.ts';
import { setCondition } from '#machinery/conditions.ts';

/** How far a policy is on this node. */
export type Progress =
  | { readonly state: 'progressing' }
  | { readonly state: 'available' }
  | { readonly state: 'failing'; readonly message: string }
  | { readonly state: 'retrying'; readonly message: string };

type Verdict = Readonly<
  Record<'Failing' | 'Available' | 'Progressing' | 'Pending' | 'Aborted', Condition['status']>
>;

const verdicts: Readonly<Record<Progress['state'], Verdict & { readonly reason: string }>> = {
  progressing: {
    Failing: 'Unknown',
    Available: 'Unknown',
    Progressing: 'True',
    Pending: 'False',
    Aborted: 'False',
    reason: 'ConfigurationProgressing',
  },
  available: {
    Failing: 'False',
    Available: 'True',
    Progressing: 'False',
    Pending: 'False',
    Aborted: 'False',
    reason: 'SuccessfullyConfigured',
  },
  failing: {
    Failing: 'True',
    Available: 'False',
    Progressing: 'False',
    Pending: 'False',
    Aborted: 'False',
    reason: 'FailedToConfigure',
  },
  retrying: {
    Failing: 'Unknown',
    Available: 'Unknown',
    Progressing: 'True',
    Pending: 'False',
    Aborted: 'False',
    reason: 'Retrying',
  },
};

/** The conditions after a step; the message stands with the condition that is true. */
export function enactmentConditions(
  before: readonly Condition[] | undefined,
  progress: Progress,
  now: number,
): readonly Condition[] {
  const { reason, ...verdict } = verdicts[progress.state];
  const message = messageOf(progress);
  let conditions = before ?? [];
  for (const [type, status] of Object.entries(verdict)) {
    const next = setCondition(
      conditions,
      { type, status, reason, ...(status === 'True' && { message }) },
      now,
    );
    conditions =
      next === conditions
        ? next
        : next.map((one) => (one.type === type ? { ...one, lastHeartbeatTime: timestamp(now) } : one));
  }
  return conditions;
}

function messageOf(progress: Progress): string {
  switch (progress.state) {
    case 'progressing':
      return 'Applying desired state';
    case 'available':
      return 'successfully reconciled';
    case 'failing':
    case 'retrying':
      return progress.message;
  }
}
