import type { KindRef } from '#api/kind.ts';
import type { Cause } from '#api/meta.ts';
import type { StatusBody } from '#machinery/errors.ts';

const WORDS: Readonly<Record<Cause['type'], string>> = {
  FieldValueRequired: 'Required value',
  FieldValueInvalid: 'Invalid value',
  FieldValueTypeInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueForbidden: 'Forbidden',
  FieldValueNotFound: 'Not found',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
};

const BEGINNINGS = [...new Set(Object.values(WORDS))];

/** Causes whose words never carry the value. */
const VALUELESS: ReadonlySet<Cause['type']> = new Set([
  'FieldValueRequired',
  'FieldValueForbidden',
  'FieldValueTooLong',
]);

/**
 * A cause with upstream's whole message: `Invalid value: "x": why`.
 * @param value what was refused; `undefined` leaves it out, as upstream does for objects that break a rule.
 */
export function cause(type: Cause['type'], field: string, detail: string, value?: unknown): Cause {
  return { type, field, message: bodyOf(type, detail, value) };
}

/** A value outside a list of words: `Unsupported value: "x": supported values: "a", "b"`. */
export function notSupported(field: string, value: unknown, allowed: readonly unknown[]): Cause {
  const words = allowed.map((item) =>
    typeof item === 'string' ? JSON.stringify(item) : JSON.stringify(JSON.stringify(item)),
  );
  return cause('FieldValueNotSupported', field, `supported values: ${words.join(', ')}`, value);
}

/** `causes[].message` of upstream for any cause, also one whose message is only the detail. */
export function causeMessage(of: Cause): string {
  return BEGINNINGS.some((word) => of.message.startsWith(word))
    ? of.message
    : bodyOf(of.type, of.message, of.value);
}

function bodyOf(type: Cause['type'], detail: string, value: unknown): string {
  const parts: string[] = [WORDS[type]];
  if (value !== undefined && !VALUELESS.has(type)) {
    parts.push(JSON.stringify(value));
  }
  if (detail !== '') {
    parts.push(detail);
  }
  return parts.join(': ');
}

/** The 422 `Status` of refused fields, worded as kube-apiserver does: `Widget.example.com "a" is invalid: …`. */
export function invalidStatus(
  kind: Pick<KindRef, 'group' | 'kind'>,
  name: string,
  causes: readonly Cause[],
): StatusBody {
  const lines = [...new Set(causes.map((one) => `${one.field}: ${causeMessage(one)}`))];
  const text = lines.length === 1 ? (lines[0] ?? '') : `[${lines.join(', ')}]`;
  const qualified = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `${qualified} ${JSON.stringify(name)} is invalid: ${text}`,
    reason: 'Invalid',
    details: {
      name,
      ...(kind.group === '' ? {} : { group: kind.group }),
      kind: kind.kind,
      causes: causes.map((one) => ({ reason: one.type, message: causeMessage(one), field: one.field })),
    },
    code: 422,
  };
}
