/** The tests, in order. */
import type { Trial } from './lib/trial.ts';
import { killTrial } from './t01-kill.ts';
import { powerTrial } from './t02-power.ts';
import { linearizableTrial } from './t03-linearizable.ts';
import { watchTrial } from './t04-watch.ts';
import { lostUpdateTrial } from './t05-lost-update.ts';
import { differentialTrial } from './t06-differential.ts';
import { hostileTrial } from './t07-hostile.ts';
import { overloadTrial } from './t08-overload.ts';

export const trials: readonly Trial[] = [
  killTrial,
  powerTrial,
  linearizableTrial,
  watchTrial,
  lostUpdateTrial,
  differentialTrial,
  hostileTrial,
  overloadTrial,
];
