/** Rules of names, label keys and label values, with the words of apimachinery's `util/validation`. */

const LABEL_FORMAT = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN_FORMAT = `${LABEL_FORMAT}(\\.${LABEL_FORMAT})*`;
const LABEL_1035_FORMAT = '[a-z]([-a-z0-9]*[a-z0-9])?';
const QUALIFIED_NAME_FORMAT = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const LABEL_VALUE_FORMAT = `(${QUALIFIED_NAME_FORMAT})?`;

// Linear on any input: no two neighbouring parts can match the same text.
const LABEL = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/;
const LABEL_1035 = /^[a-z](?:[-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED_NAME = /^(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;

const LABEL_ERROR = regexError(
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  LABEL_FORMAT,
  ['my-name', '123-abc'],
);
const SUBDOMAIN_ERROR = regexError(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  SUBDOMAIN_FORMAT,
  ['example.com'],
);
const LABEL_1035_ERROR = regexError(
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  LABEL_1035_FORMAT,
  ['my-name', 'abc-123'],
);
const QUALIFIED_NAME_ERROR = regexError(
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  QUALIFIED_NAME_FORMAT,
  ['MyName', 'my.name', '123-abc'],
);
const LABEL_VALUE_ERROR = regexError(
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  LABEL_VALUE_FORMAT,
  ['MyValue', 'my_value', '12345'],
);

function regexError(message: string, format: string, examples: readonly string[]): string {
  return `${message} (e.g. ${examples.map((example) => `'${example}', `).join(' or ')}regex used for validation is '${format}')`;
}

function tooLong(value: string, most: number): string[] {
  return Buffer.byteLength(value) > most ? [`must be no more than ${most} bytes`] : [];
}

/** What is wrong with a DNS label (63 bytes, RFC 1123). */
export function dnsLabelErrors(value: string): string[] {
  return [...tooLong(value, 63), ...(LABEL.test(value) ? [] : [LABEL_ERROR])];
}

/** What is wrong with a DNS subdomain (253 bytes, RFC 1123). */
export function dnsSubdomainErrors(value: string): string[] {
  const good = value.split('.').every((label) => LABEL.test(label));
  return [...tooLong(value, 253), ...(good ? [] : [SUBDOMAIN_ERROR])];
}

/** What is wrong with a DNS label that starts with a letter (63 bytes, RFC 1035). */
export function dns1035LabelErrors(value: string): string[] {
  return [...tooLong(value, 63), ...(LABEL_1035.test(value) ? [] : [LABEL_1035_ERROR])];
}

/** What is wrong with a name that only has to fit into a URL path. */
export function pathSegmentErrors(value: string): string[] {
  if (value === '.' || value === '..') {
    return [`may not be '${value}'`];
  }
  return ['/', '%'].filter((bad) => value.includes(bad)).map((bad) => `may not contain '${bad}'`);
}

/** What is wrong with a qualified name (`name` or `prefix.example.com/name`): keys of labels and annotations. */
export function qualifiedNameErrors(value: string): string[] {
  const parts = value.split('/');
  if (parts.length > 2) {
    return [
      `a qualified name ${QUALIFIED_NAME_ERROR} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const name = parts.at(-1) ?? '';
  const prefix = parts.length === 2 ? (parts[0] ?? '') : undefined;
  const errors: string[] = [];
  if (prefix === '') {
    errors.push('prefix part must be non-empty');
  } else if (prefix !== undefined) {
    errors.push(...dnsSubdomainErrors(prefix).map((error) => `prefix part ${error}`));
  }
  if (name === '') {
    errors.push('name part must be non-empty');
  }
  errors.push(...tooLong(name, 63).map((error) => `name part ${error}`));
  if (!QUALIFIED_NAME.test(name)) {
    errors.push(`name part ${QUALIFIED_NAME_ERROR}`);
  }
  return errors;
}

/** What is wrong with the value of a label. */
export function labelValueErrors(value: string): string[] {
  return [...tooLong(value, 63), ...(value === '' || QUALIFIED_NAME.test(value) ? [] : [LABEL_VALUE_ERROR])];
}
