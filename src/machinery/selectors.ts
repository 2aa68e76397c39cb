/** Label and field selectors. https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#api */
import { PatchbayError } from './errors.ts';

type Labels = Readonly<Record<string, string>>;

/** One requirement of a structured selector. */
export interface Requirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';
  readonly values?: readonly string[] | undefined;
}

/** Whether labels meet a requirement, as node affinity and label selectors read it. */
export function meets(requirement: Requirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
  const values = requirement.values ?? [];
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return value !== undefined && Number(value) > Number(values[0]);
    case 'Lt':
      return value !== undefined && Number(value) < Number(values[0]);
  }
}

/** Whether every pair of `wanted` is among `labels`. */
export function includesLabels(labels: Labels | undefined, wanted: Labels | undefined): boolean {
  return Object.entries(wanted ?? {}).every(([key, value]) => labels?.[key] === value);
}

/** A `metav1.LabelSelector`. */
export interface LabelSelector {
  readonly matchLabels?: Labels | undefined;
  readonly matchExpressions?: readonly Requirement[] | undefined;
}

/** Whether labels meet a structured selector; an absent selector selects nothing, an empty one everything. */
export function matchesLabelSelector(
  selector: LabelSelector | undefined,
  labels: Labels | undefined,
): boolean {
  return (
    selector !== undefined &&
    includesLabels(labels, selector.matchLabels) &&
    (selector.matchExpressions ?? []).every((requirement) => meets(requirement, labels ?? {}))
  );
}

/**
 * Parses `a=b,c!=d,e in (f,g),h,!i`.
 * @throws PatchbayError `InvalidSelector`, not retryable.
 */
export function parseLabelSelector(text: string): readonly Requirement[] {
  return text
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(parseRequirement);
}

function parseRequirement(part: string): Requirement {
  const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(part);
  if (set !== null) {
    const [, key = '', operator, values = ''] = set;
    return {
      key,
      operator: operator === 'in' ? 'In' : 'NotIn',
      values: values.split(',').map((value) => value.trim()),
    };
  }
  const pair = /^([^\s=!]+)\s*(==|=|!=)\s*([^\s=!]*)$/.exec(part);
  if (pair !== null) {
    const [, key = '', operator, value = ''] = pair;
    return { key, operator: operator === '!=' ? 'NotIn' : 'In', values: [value] };
  }
  const bare = /^(!?)\s*([^\s=!()]+)$/.exec(part);
  if (bare !== null) {
    const [, not, key = ''] = bare;
    return { key, operator: not === '!' ? 'DoesNotExist' : 'Exists' };
  }
  throw new PatchbayError('InvalidSelector', `${JSON.stringify(part)} is no label requirement`, {
    retryable: false,
  });
}
