/** What a test is given and what it finds. */
import { Random } from './random.ts';

/** How much of a test is run. */
export interface Plan {
  readonly seed: number;
  /** Share of the full run, 1 = all of it. */
  readonly share: number;
  /** Times and rates may be worse by this factor: what shares the machine with others cannot promise figures. */
  readonly slack: number;
  /** A planted bug the test must find: a file of `bugs/` without its ending. */
  readonly bug?: string | undefined;
  /** Progress. */
  readonly say: (text: string) => void;
}

/** What a run found. */
export interface Outcome {
  readonly figures: Readonly<Record<string, number | string>>;
  /** What is wrong, each in one sentence; none: passed. */
  readonly violations: readonly string[];
}

/** A test of the table in README.md. */
export interface Trial {
  readonly id: string;
  readonly title: string;
  /** Bugs that it must find. */
  readonly bugs: readonly string[];
  /** Share of the full run that every `npm test` takes, and that finds the planted bugs. */
  readonly smoke: number;
  run(trial: Run): Promise<void>;
}

/** One run: chance, figures and findings. */
export class Run {
  readonly plan: Plan;
  readonly random: Random;
  readonly figures: Record<string, number | string> = {};
  readonly violations: string[] = [];

  constructor(plan: Plan) {
    this.plan = plan;
    this.random = new Random(plan.seed);
  }

  /** The full run's number times the share, at least `least`. */
  scaled(full: number, least = 1): number {
    return Math.max(least, Math.ceil(full * this.plan.share));
  }

  count(name: string, by = 1): void {
    this.figures[name] = Number(this.figures[name] ?? 0) + by;
  }

  figure(name: string, value: number | string): void {
    this.figures[name] = typeof value === 'number' ? Number(value.toFixed(1)) : value;
  }

  violation(text: string): void {
    this.violations.push(text);
  }

  check(holds: boolean, otherwise: () => string): void {
    if (!holds) {
      this.violation(otherwise());
    }
  }

  /** Gates a measured time or rate: a figure and, above the limit times the slack, a violation. */
  limit(name: string, value: number, limit: number): void {
    this.figure(name, value);
    this.check(
      value <= limit * this.plan.slack,
      () => `${name}: ${value.toFixed(1)}, allowed are ${limit * this.plan.slack}`,
    );
  }

  /** Whether the run may stop: a planted bug was found. */
  get done(): boolean {
    return this.plan.bug !== undefined && this.violations.length > 0;
  }
}

/** Runs a test. What it throws is a finding as well. */
export async function runTrial(trial: Trial, plan: Plan): Promise<Outcome> {
  const run = new Run(plan);
  try {
    await trial.run(run);
  } catch (error) {
    run.violation(`stopped: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  return { figures: run.figures, violations: run.violations };
}

/** The value below which `share` of the values are. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
