/** What running expressions costs and may cost, in cel-go's units (apiserver `pkg/apis/cel/config.go`). */
import { CelError } from './library.ts';

/** Most units of one run of an expression (`PerCallLimit`). */
export const CALL_LIMIT = 1_000_000;
/** Most units of all rules of one object, or of all validations of one policy (`RuntimeCELCostBudget`). */
export const RULES_BUDGET = 10_000_000;
/** Most units of all match conditions of one webhook or policy (`RuntimeCELCostBudgetMatchConditions`). */
export const CONDITIONS_BUDGET = 2_500_000;

/** One run of an expression costs too much. */
export class OverLimit extends CelError {}

/** Everything that shares a budget costs too much. */
export class OutOfBudget extends CelError {}

/** One object for all: a loop that swallows it meets it again on every round that is left. */
const overLimit = new OverLimit('operation cancelled: actual cost limit exceeded');

let spent = 0;
let left = RULES_BUDGET;

/** Starts a budget. Whoever shares it runs before the next one is started, and never across an `await`. */
export function startBudget(units: number): void {
  left = units;
}

/** Units that are left; less than none once it was exceeded. */
export function budgetLeft(): number {
  return left;
}

/** Adds to the cost of the expression that runs. @throws OverLimit */
export function charge(units: number): void {
  spent += units;
  if (spent > CALL_LIMIT) {
    throw overLimit;
  }
}

/** Begins a run, maybe inside of another one (a policy's variable). Returns what to call {@link leave} with. */
export function enter(): number {
  const outer = spent;
  spent = 0;
  return outer;
}

/** Ends a run and takes its cost from the budget, whatever the expression made of errors. @throws OutOfBudget, OverLimit */
export function leave(outer: number): void {
  const cost = spent;
  spent = outer;
  left -= cost;
  if (left < 0) {
    throw new OutOfBudget(
      'validation failed due to running out of cost budget, no further validation rules will be run',
    );
  }
  if (cost > CALL_LIMIT) {
    throw overLimit;
  }
}
