/** A small part of the fault tests of `test/reliability`, and that each would notice what it is for: it finds planted bugs. */
import { expect, test } from 'vitest';
import { runTrial } from '../reliability/lib/trial.ts';
import { trials } from '../reliability/trials.ts';

/** Figures of time are promises of a quiet machine, which the scripts gate; here others run beside. */
const slack = 25;
/** Milliseconds for a test. */
const patience = 150_000;

for (const trial of trials) {
  const plan = { seed: 1, share: trial.smoke, slack, say: () => undefined };
  test(
    `${trial.id} ${trial.title}`,
    async () => {
      const { violations } = await runTrial(trial, plan);
      expect(violations).toEqual([]);
    },
    patience,
  );
  for (const bug of trial.bugs) {
    test(
      `${trial.id} finds the planted bug ${bug}`,
      async () => {
        const { violations } = await runTrial(trial, { ...plan, bug });
        expect(violations).not.toEqual([]);
      },
      patience,
    );
  }
}
