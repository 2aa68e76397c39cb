/** A small part of the isolation tests (`npm run isolation` is the whole), and that each finds the holes it is for. */
import { afterAll, expect, test } from 'vitest';
import { isolationTrials } from '../isolation/trials.ts';
import { closeWorld } from '../isolation/world.ts';
import { runTrial } from '../reliability/lib/trial.ts';

afterAll(() => closeWorld(false));

for (const trial of isolationTrials) {
  const plan = { seed: 1, share: trial.smoke, slack: 5, say: () => undefined };
  test(`${trial.id} ${trial.title}`, async () => {
    const { violations } = await runTrial(trial, plan);
    expect(violations).toEqual([]);
  });
  for (const bug of trial.bugs) {
    test(`${trial.id} finds the hole ${bug}`, async () => {
      const { violations } = await runTrial(trial, { ...plan, bug });
      expect(violations.filter((text) => text.startsWith('stopped'))).toEqual([]);
      expect(violations.filter((text) => / seen (in|out) /.test(text))).not.toEqual([]);
    });
  }
}
