import { CelError } from './library.ts';

/** Most loop steps that the rules of one object may take together. */
export const MAX_STEPS = 1_000_000;

let steps = 0;

/** Starts a new budget; one object is validated at a time, and never across an `await`. */
export function resetBudget(): void {
  steps = 0;
}

/** Takes `count` steps. @throws CelError when the budget is used up. */
export function spend(count: number): void {
  steps += count;
  if (steps > MAX_STEPS) {
    throw new CelError(
      'validation failed due to running out of cost budget, no further validation rules will be run',
    );
  }
}

/** True when the budget is used up, even if a quantifier swallowed the error. */
export function isSpent(): boolean {
  return steps > MAX_STEPS;
}
