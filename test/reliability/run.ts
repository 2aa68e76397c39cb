/** `npm run reliability -- T01 [T02 …] [--full | --share N] [--seed N] [--slack N] [--no-bugs | --only-bugs] [-o json]`. See test/README.md. */
import { parseArgs } from 'node:util';
import { isolationTrials } from '../isolation/trials.ts';
import { closeWorld } from '../isolation/world.ts';
import { type Outcome, runTrial } from './lib/trial.ts';
import { trials } from './trials.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    full: { type: 'boolean', default: false },
    share: { type: 'string' },
    seed: { type: 'string' },
    slack: { type: 'string', default: '1' },
    bugs: { type: 'boolean', default: true },
    'only-bugs': { type: 'boolean', default: false },
    output: { type: 'string', short: 'o' },
  },
  allowNegative: true,
});

function positive(name: string, text: string): number {
  const number = Number(text);
  if (!(number > 0)) {
    throw new Error(`--${name} "${text}" is refused: allowed are numbers above 0`);
  }
  return number;
}

/** Those of isolation bring an instance of their own up, so that they run only when they are named. */
const known = [...trials, ...isolationTrials];
const chosen = positionals.length === 0 ? trials : positionals.map(trialOf);
const share = values.share === undefined ? (values.full ? 1 : undefined) : positive('share', values.share);
const seed = values.seed === undefined ? (Date.now() & 0xff_ff_ff) + 1 : positive('seed', values.seed);
const slack = positive('slack', values.slack);
if (values.output !== undefined && values.output !== 'json') {
  throw new Error(`-o "${values.output}" is refused: allowed is json`);
}

function trialOf(id: string): (typeof trials)[number] {
  const trial = known.find((each) => each.id === id);
  if (trial === undefined) {
    throw new Error(`test "${id}" is not known: allowed are ${known.map((each) => each.id).join(', ')}`);
  }
  return trial;
}

interface Report extends Outcome {
  readonly id: string;
  readonly bug?: string;
  readonly seed: number;
  readonly seconds: number;
  /** With a planted bug: it was found. */
  readonly passed: boolean;
}

const reports: Report[] = [];
const say = (text: string): void => void process.stderr.write(`${text}\n`);

async function runOne(trial: (typeof trials)[number], bug?: string): Promise<void> {
  const started = performance.now();
  const plan = { seed, share: bug === undefined ? (share ?? trial.smoke) : trial.smoke, slack, bug, say };
  const { figures, violations } = await runTrial(trial, plan);
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  const passed = violations.length > 0 === (bug !== undefined);
  reports.push({
    id: trial.id,
    ...(bug === undefined ? {} : { bug }),
    seed,
    seconds,
    passed,
    figures,
    violations,
  });
  if (values.output === undefined) {
    print(trial.title, reports.at(-1));
  }
}

function print(title: string, report: Report | undefined): void {
  if (report === undefined) {
    return;
  }
  const { id, bug, passed, seconds, figures, violations } = report;
  const what = bug === undefined ? title : `finds the planted bug ${bug}`;
  console.log(`${passed ? 'pass' : 'FAIL'} ${id} ${what} (${seconds} s, seed ${seed})`);
  for (const [name, value] of Object.entries(bug === undefined ? figures : {})) {
    console.log(`     ${name}: ${value}`);
  }
  for (const violation of violations.slice(0, bug === undefined ? 20 : 1)) {
    console.log(`     ${bug === undefined ? 'violation' : 'seen'}: ${violation.slice(0, 600)}`);
  }
}

try {
  for (const trial of chosen) {
    if (!values['only-bugs']) {
      await runOne(trial);
    }
    for (const bug of values.bugs ? trial.bugs : []) {
      await runOne(trial, bug);
    }
  }
} finally {
  await closeWorld(true);
}
if (values.output === 'json') {
  console.log(JSON.stringify(reports, null, 2));
}
process.exitCode = reports.every((report) => report.passed) ? 0 : 1;
