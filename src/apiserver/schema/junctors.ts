import type { Cause } from '#api/meta.ts';
import type { SchemaNode } from '#api/schema.ts';
import { cause } from './causes.ts';
import type { WalkContext } from './walk.ts';

/** What one branch has against a value. */
interface Verdict {
  readonly causes: readonly Cause[];
  readonly blocked: boolean;
}

type Check = (node: SchemaNode, context: WalkContext) => unknown;

/**
 * `allOf`, `anyOf`, `oneOf` and `not` of a node: they judge a value and change nothing. Words and field (`<nil>`) are those
 * of kube-openapi's validator, which follows them with what the nearest branch misses.
 */
export function checkJunctors(node: SchemaNode, path: string, context: WalkContext, check: Check): void {
  const judge = (branch: SchemaNode): Verdict => {
    const inner: WalkContext = { causes: [], unknown: undefined, builtin: context.builtin, blocked: false };
    check(branch, inner);
    return inner;
  };
  const shown = JSON.stringify(path);
  checkAny(node.anyOf?.map(judge), `${shown} must validate at least one schema (anyOf)`, context);
  checkOne(node.oneOf?.map(judge), `${shown} must validate one and only one schema (oneOf).`, context);
  checkAll(node.allOf?.map(judge), `${shown} must validate all the schemas (allOf)`, context);
  if (node.not !== undefined && isGood(judge(node.not))) {
    refuse(`${shown} must not validate the schema (not)`, context);
  }
}

function isGood(verdict: Verdict): boolean {
  return verdict.causes.length === 0;
}

function checkAny(verdicts: readonly Verdict[] | undefined, words: string, context: WalkContext): void {
  if (verdicts !== undefined && verdicts.length > 0 && !verdicts.some(isGood)) {
    refuse(words, context);
    adopt(nearest(verdicts), context);
  }
}

function checkOne(verdicts: readonly Verdict[] | undefined, words: string, context: WalkContext): void {
  const good = verdicts?.filter(isGood).length ?? 1;
  if (good === 1 || verdicts?.length === 0) {
    return;
  }
  refuse(`${words} Found ${good === 0 ? 'none valid' : `${good} valid alternatives`}`, context);
  if (good === 0) {
    adopt(nearest(verdicts ?? []), context);
  }
}

function checkAll(verdicts: readonly Verdict[] | undefined, words: string, context: WalkContext): void {
  const bad = verdicts?.filter((verdict) => !isGood(verdict)) ?? [];
  if (bad.length === 0) {
    return;
  }
  for (const verdict of bad) {
    adopt(verdict, context);
  }
  refuse(bad.length === verdicts?.length ? `${words}. None validated` : words, context);
}

/** The branch with the fewest mistakes, the first of several. */
function nearest(verdicts: readonly Verdict[]): Verdict | undefined {
  return verdicts.toSorted((a, b) => a.causes.length - b.causes.length)[0];
}

function adopt(verdict: Verdict | undefined, context: WalkContext): void {
  context.causes.push(...(verdict?.causes ?? []));
  context.blocked ||= verdict?.blocked ?? false;
}

function refuse(words: string, context: WalkContext): void {
  context.causes.push(cause('FieldValueInvalid', '<nil>', words, ''));
}
