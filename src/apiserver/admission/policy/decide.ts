/** One policy about one request with one set of params (apiserver `admission/plugin/policy/validating/validator.go`). */
import type {
  PolicySpec,
  PolicyValidation,
} from '#api/admissionregistration.k8s.io/validating-admission-policy.ts';
import { OutOfBudget, RULES_BUDGET, startBudget } from '../../cel/budget.ts';
import { CelError } from '../../cel/library.ts';
import { conditionsVerdict, evaluate, type Outcome, type Variables } from '../match/expression.ts';

/** What a policy holds against a request. */
export interface Fault {
  readonly message: string;
  readonly reason: string;
  /** Place of the validation; 0 when it is none of them. */
  readonly index: number;
}

/** What came out of a policy. */
export interface Decision {
  readonly faults: readonly Fault[];
  /** For the audit log, by key. */
  readonly annotations: ReadonlyMap<string, string>;
}

const nothing: Decision = { faults: [], annotations: new Map() };
/** Longest message of an expression, in bytes. */
const MAX_MESSAGE = 5 * 1024;

type Failed = (message: string, index: number) => readonly Fault[];

/**
 * Runs conditions, validations and annotations. Errors count as faults unless the policy ignores them. Conditions have a budget,
 * validations and their messages another, annotations a third; one that is exceeded is the policy's only error.
 */
export function decide(spec: PolicySpec, given: Variables): Decision {
  const { failurePolicy = 'Fail', matchConditions = [] } = spec;
  const variables = { ...given, variables: lazily(spec, given) };
  const failed: Failed = (message, index) =>
    failurePolicy === 'Ignore' ? [] : [{ message, reason: 'Invalid', index }];
  const verdict = conditionsVerdict('policy', matchConditions, failurePolicy, () => variables);
  if ('error' in verdict) {
    return { ...nothing, faults: failed(verdict.error, 0) };
  }
  if (!verdict.matches) {
    return nothing;
  }
  try {
    startBudget(RULES_BUDGET);
    const faults = validate(spec, variables, failed);
    startBudget(RULES_BUDGET);
    const annotated = annotate(spec, variables, failed);
    return { ...annotated, faults: [...faults, ...annotated.faults] };
  } catch (error) {
    if (error instanceof OutOfBudget) {
      return { ...nothing, faults: failed(error.message, 0) };
    }
    throw error;
  }
}

/** Messages come after all validations: they have what those left of the budget. */
function validate({ validations = [] }: PolicySpec, variables: Variables, failed: Failed): readonly Fault[] {
  const outcomes = validations.map((validation) => ({
    validation,
    outcome: evaluate('policy', validation.expression, variables),
  }));
  const faultsBy = (
    told: (validation: PolicyValidation, outcome: Outcome, index: number) => readonly Fault[],
  ) =>
    outcomes.flatMap(({ validation, outcome }, index) =>
      'error' in outcome ? failed(outcome.error, index) : told(validation, outcome, index),
    );
  try {
    return faultsBy((validation, outcome, index) =>
      'value' in outcome && outcome.value === true
        ? []
        : [{ message: messageOf(validation, variables), reason: validation.reason || 'Invalid', index }],
    );
  } catch (error) {
    if (!(error instanceof OutOfBudget)) {
      throw error;
    }
    return faultsBy((_validation, _outcome, index) =>
      failed(`failed messageExpression: ${error.message}`, index),
    );
  }
}

function annotate({ auditAnnotations = [] }: PolicySpec, variables: Variables, failed: Failed): Decision {
  const annotations = new Map<string, string>();
  const faults = auditAnnotations.flatMap(({ key, valueExpression }) => {
    const outcome = evaluate('policy', valueExpression, variables);
    if ('error' in outcome) {
      return failed(outcome.error, 0);
    }
    if (typeof outcome.value === 'string' && outcome.value.trim() !== '') {
      annotations.set(key, outcome.value.trim());
    }
    return [];
  });
  return { faults, annotations };
}

/** What the expression says, else the text, else the expression that failed. */
function messageOf(
  { expression, message, messageExpression }: PolicyValidation,
  variables: Variables,
): string {
  const outcome =
    messageExpression === undefined || messageExpression === ''
      ? undefined
      : evaluate('message', messageExpression, variables);
  const said = outcome !== undefined && 'value' in outcome ? outcome.value : undefined;
  const text = typeof said === 'string' ? said.trim() : '';
  if (text !== '' && !text.includes('\n') && Buffer.byteLength(text) <= MAX_MESSAGE) {
    return text;
  }
  const fixed = message?.trim() ?? '';
  return fixed === '' ? `failed expression: ${expression.trim()}` : fixed;
}

/** `variables`: each worked out when first asked for, with those before it. */
function lazily({ variables = [] }: PolicySpec, given: Variables): object {
  const values = {};
  const running = new Set<string>();
  for (const { name, expression } of variables) {
    Object.defineProperty(values, name, {
      enumerable: true,
      configurable: true,
      get() {
        if (running.has(name)) {
          throw new CelError(`composited variable "${name}" fails to evaluate: it needs itself`);
        }
        running.add(name);
        const outcome = evaluate('policy', expression, { ...given, variables: values });
        running.delete(name);
        if ('error' in outcome) {
          throw new CelError(`composited variable "${name}" fails to evaluate: ${outcome.error}`);
        }
        Object.defineProperty(values, name, { value: outcome.value, enumerable: true });
        return outcome.value;
      },
    });
  }
  return values;
}
