/** `metav1.LabelSelector`: the structured form of a label selector, as specs hold it. */

interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

function requirementsOf(selector: unknown): readonly Requirement[] {
  const { matchLabels = {}, matchExpressions = [] } = (selector ?? {}) as {
    readonly matchLabels?: Readonly<Record<string, string>>;
    readonly matchExpressions?: readonly Requirement[];
  };
  const equalities = Object.entries(matchLabels).map(([key, value]) => ({
    key,
    operator: 'In',
    values: [value],
  }));
  return [...equalities, ...matchExpressions];
}

/** True when labels fit. An empty selector fits everything, a missing one nothing. */
export function matchesLabelSelector(selector: unknown, labels: Readonly<Record<string, string>>): boolean {
  return (
    typeof selector === 'object' &&
    selector !== null &&
    requirementsOf(selector).every((requirement) => fits(requirement, labels))
  );
}

function fits(
  { key, operator, values = [] }: Requirement,
  labels: Readonly<Record<string, string>>,
): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}

/** A selector as query text: `app=web,tier in (a,b)`, keys in order. */
export function labelSelectorText(selector: unknown): string {
  return requirementsOf(selector)
    .toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ key, operator, values = [] }) => {
      const list = `(${values.toSorted().join(',')})`;
      switch (operator) {
        case 'In':
          return values.length === 1 ? `${key}=${values[0]}` : `${key} in ${list}`;
        case 'NotIn':
          return `${key} notin ${list}`;
        case 'DoesNotExist':
          return `!${key}`;
        default:
          return key;
      }
    })
    .join(',');
}
