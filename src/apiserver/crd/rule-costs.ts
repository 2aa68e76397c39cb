/** What the CEL rules of a schema may cost (apiextensions `pkg/apis/apiextensions/validation`), in upstream's words. */
import type { Cause } from '#api/meta.ts';
import { declarationOf, MAX_REQUEST } from '../cel/cost/declaration.ts';
import { estimatedCost } from '../cel/cost/estimate.ts';
import type { RuleCheck } from '../cel/typed.ts';
import { cause } from '../schema/causes.ts';

/** Most estimated cost units of one expression over all values of its node. */
const EXPRESSION_LIMIT = 10_000_000;
/** Most estimated cost units of all rules of a schema. */
const SCHEMA_LIMIT = 100_000_000;
/** How many of the rules that cost most are named. */
const NAMED = 4;

/** The costs of the rules of one schema. */
export class RuleCosts {
  /** True: the schema was stored before, so that no single rule of it is refused any more. */
  readonly #stored: boolean;
  #total = 0;
  readonly #expensive: { readonly at: string; readonly cost: number }[] = [];

  constructor(stored: boolean) {
    this.#stored = stored;
  }

  /** Counts a rule, at `at`, of a node with so many values; undefined values are bounded by the request. */
  rule(text: string, check: RuleCheck, at: string, cardinality: number | undefined): readonly Cause[] {
    const cost = estimatedCost(text, check);
    const values =
      cardinality ?? Math.floor(MAX_REQUEST / ((declarationOf(check.node, check.root)?.minBytes ?? 0) + 1));
    return this.#observe('estimated rule cost', cost === 0 || values === 0 ? 0 : cost * values, at);
  }

  /** Counts a message expression, which runs for a broken rule only. */
  message(text: string, check: RuleCheck, at: string): readonly Cause[] {
    return this.#observe('estimated messageExpression cost', estimatedCost(text, check), at);
  }

  /** What is wrong with all rules together; `path` is the schema's. */
  total(path: string): readonly Cause[] {
    if (this.#total <= SCHEMA_LIMIT) {
      return [];
    }
    const why = 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema';
    const most = this.#expensive.toSorted((a, b) => (a.cost < b.cost ? 1 : -1)).slice(0, NAMED);
    return [
      ...most.map(({ at }) => cause('FieldValueForbidden', at, why)),
      cause(
        'FieldValueForbidden',
        path,
        exceeds(
          'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema',
          this.#total / SCHEMA_LIMIT,
        ),
      ),
    ];
  }

  #observe(what: string, cost: number, at: string): readonly Cause[] {
    this.#total += cost;
    if (cost >= SCHEMA_LIMIT / 100) {
      this.#expensive.push({ at, cost });
    }
    return this.#stored || cost <= EXPRESSION_LIMIT
      ? []
      : [cause('FieldValueForbidden', at, exceeds(what, cost / EXPRESSION_LIMIT))];
  }
}

function exceeds(what: string, factor: number): string {
  // More digits where one would say "1.0x".
  const shown = factor > 100 ? 'more than 100x' : `${factor.toFixed(factor < 1.5 ? 6 : 1)}x`;
  return `${what} exceeds budget by factor of ${shown} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}
