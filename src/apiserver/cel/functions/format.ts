import type { Environment } from '@marcbachmann/cel-js';
import { matchesFormat } from '../../schema/formats.ts';
import {
  dns1035LabelErrors,
  dnsLabelErrors,
  dnsSubdomainErrors,
  labelValueErrors,
  qualifiedNameErrors,
} from '../../schema/names.ts';
import { celLibrary } from '../library.ts';

type Check = (text: string) => readonly string[];

/** `kubernetes.NamedFormat`. */
class NamedFormat {
  readonly errors: Check;
  constructor(errors: Check) {
    this.errors = errors;
  }
}

class FormatNamespace {}

function prefix(check: Check): Check {
  return (text) => check(text.replace(/-$/, 'a'));
}

function known(format: string, what: string): Check {
  return (text) => (matchesFormat(format, text) ? [] : [what]);
}

const FORMATS: Readonly<Record<string, Check>> = {
  dns1123Label: dnsLabelErrors,
  dns1123Subdomain: dnsSubdomainErrors,
  dns1035Label: dns1035LabelErrors,
  qualifiedName: qualifiedNameErrors,
  dns1123LabelPrefix: prefix(dnsLabelErrors),
  dns1123SubdomainPrefix: prefix(dnsSubdomainErrors),
  dns1035LabelPrefix: prefix(dns1035LabelErrors),
  labelValue: labelValueErrors,
  uri: known('uri', 'invalid URI for request'),
  uuid: known('uuid', 'does not match the UUID format'),
  byte: known('byte', 'invalid base64'),
  date: known('date', 'invalid date'),
  datetime: known('date-time', 'invalid datetime'),
};

/** `format.<name>()`, `format.named()` and `validate()`. */
export function registerFormats(environment: Environment): void {
  const { Optional } = celLibrary();
  environment
    .registerType('kubernetes.NamedFormat', { ctor: NamedFormat, fields: {} })
    .registerType('FormatNamespace', { ctor: FormatNamespace, fields: {} })
    .registerConstant('format', 'FormatNamespace', new FormatNamespace())
    .registerFunction(
      'FormatNamespace.named(string): optional<kubernetes.NamedFormat>',
      (_: unknown, name: string) => {
        const check = Object.hasOwn(FORMATS, name) ? FORMATS[name] : undefined;
        return check === undefined ? Optional.none() : Optional.of(new NamedFormat(check));
      },
    )
    .registerFunction(
      'kubernetes.NamedFormat.validate(string): optional<list<string>>',
      (format: NamedFormat, text: string) => {
        const errors = format.errors(text);
        return errors.length === 0 ? Optional.none() : Optional.of([...errors]);
      },
    );
  for (const [name, check] of Object.entries(FORMATS)) {
    const made = new NamedFormat(check);
    environment.registerFunction(`FormatNamespace.${name}(): kubernetes.NamedFormat`, () => made);
  }
}
