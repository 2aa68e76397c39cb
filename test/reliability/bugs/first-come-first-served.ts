/** Planted bug: nobody takes turns. */
import { Fairness, type Turn } from '#apiserver/fairness/fairness.ts';

const free: Turn = {
  work: (piece) => piece(),
  next: async (piece) => piece(),
  answers: () => undefined,
  end: () => undefined,
};

Fairness.prototype.run = (_client, _exempt, start) => start(free);
