/** Rules of labels and label selectors. k8s.io/apimachinery/pkg/apis/meta/v1/validation, in its words. */
import { forbidden, invalid, required } from './cause.ts';
import type { Cause } from './meta.ts';
import { dnsSubdomainProblem } from './names.ts';

type Labels = Readonly<Record<string, string>>;

/** A `metav1.LabelSelector` as manifests give it. */
export interface SelectorLike {
  readonly matchLabels?: Labels | undefined;
  readonly matchExpressions?:
    | readonly {
        readonly key: string;
        readonly operator: string;
        readonly values?: readonly string[] | undefined;
      }[]
    | undefined;
}

const NAME = /^(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const NAME_WORDS =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE_WORDS =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/** What is wrong with a label's key, or nothing. */
export function labelKeyProblem(key: string): string | undefined {
  const parts = key.split('/');
  const name = parts.at(-1) ?? '';
  if (parts.length > 2) {
    return "a qualified name must consist of alphanumeric characters, '-', '_' or '.', with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
  }
  if (parts.length === 2 && parts[0] === '') return 'prefix part must be non-empty';
  const prefix = parts.length === 2 ? dnsSubdomainProblem(parts[0] ?? '') : undefined;
  if (prefix !== undefined) return `prefix part ${prefix}`;
  if (name === '') return 'name part must be non-empty';
  if (name.length > 63) return 'name part must be no more than 63 bytes';
  return NAME.test(name) ? undefined : NAME_WORDS;
}

/** What is wrong with a label's value, or nothing. */
export function labelValueProblem(value: string): string | undefined {
  if (value.length > 63) return 'must be no more than 63 bytes';
  return value === '' || NAME.test(value) ? undefined : VALUE_WORDS;
}

/** Checks labels that stand at `field`. */
export function labelsCauses(field: string, labels: Labels | undefined): readonly Cause[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => {
    const wrongKey = labelKeyProblem(key);
    const wrongValue = labelValueProblem(value);
    return [
      ...(wrongKey === undefined ? [] : [invalid(field, key, wrongKey)]),
      ...(wrongValue === undefined ? [] : [invalid(field, value, wrongValue)]),
    ];
  });
}

/** Checks a label selector that stands at `field`. */
export function labelSelectorCauses(field: string, selector: SelectorLike | undefined): readonly Cause[] {
  return [
    ...labelsCauses(`${field}.matchLabels`, selector?.matchLabels),
    ...(selector?.matchExpressions ?? []).flatMap(({ key, operator, values = [] }, index) => {
      const at = `${field}.matchExpressions[${index}]`;
      const wrong = labelKeyProblem(key);
      return [
        ...valueCountCauses(`${at}.values`, operator, values),
        ...(wrong === undefined ? [] : [invalid(`${at}.key`, key, wrong)]),
        ...values.flatMap((value, place) => {
          const problem = labelValueProblem(value);
          return problem === undefined ? [] : [invalid(`${at}.values[${place}]`, value, problem)];
        }),
      ];
    }),
  ];
}

function valueCountCauses(field: string, operator: string, values: readonly string[]): readonly Cause[] {
  const needed = operator === 'In' || operator === 'NotIn';
  if (needed && values.length === 0) {
    return [required(field, "must be specified when `operator` is 'In' or 'NotIn'")];
  }
  return !needed && values.length > 0
    ? [forbidden(field, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")]
    : [];
}

/** Whether a selector says nothing, and so selects everything. */
export function isEmptySelector(selector: SelectorLike): boolean {
  return (
    Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0
  );
}

/** Whether labels meet a selector. */
export function selects(selector: SelectorLike, labels: Labels = {}): boolean {
  return (
    Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value) &&
    (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
      const value = labels[key];
      if (operator === 'In') return value !== undefined && values.includes(value);
      if (operator === 'NotIn') return value === undefined || !values.includes(value);
      return operator === 'Exists' ? value !== undefined : value === undefined;
    })
  );
}

/** A selector as text, keys sorted: `app=web,tier in (a,b),!old`. `metav1.LabelSelectorAsSelector(…).String()`. */
export function selectorText(selector: SelectorLike | undefined): string {
  if (selector === undefined) return '';
  const pairs = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({
    key,
    text: `${key}=${value}`,
  }));
  const expressions = (selector.matchExpressions ?? []).map(({ key, operator, values = [] }) => {
    const list = `(${[...values].sort().join(',')})`;
    if (operator === 'In') return { key, text: `${key} in ${list}` };
    if (operator === 'NotIn') return { key, text: `${key} notin ${list}` };
    return { key, text: operator === 'Exists' ? key : `!${key}` };
  });
  return [...pairs, ...expressions]
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ text }) => text)
    .join(',');
}

/** As upstream prints selectors in tables: `<none>` for one that says nothing. */
export function selectorCell(selector: SelectorLike | undefined): string {
  return selectorText(selector) || '<none>';
}
