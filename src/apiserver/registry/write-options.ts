import { badRequest, invalidOptions } from '../api-errors.ts';
import { isTrue } from '../http/request-info.ts';
import { cause, notSupported } from '../schema/causes.ts';
import type { Call } from './call.ts';

/** Options of a write, from its query. */
export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldManager: string;
  readonly fieldValidation: 'Strict' | 'Warn' | 'Ignore';
  readonly force: boolean;
}

const levels = ['Ignore', 'Strict', 'Warn'] as const;
const managerLimit = 128;

/** Reads the options. Throws 422 for values that do not exist. */
export function writeOptions(
  call: Call,
  kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions',
): WriteOptions {
  const { query } = call.info;
  const validation = query.get('fieldValidation') ?? '';
  const fieldValidation = validation === '' ? 'Warn' : levels.find((level) => level === validation);
  if (fieldValidation === undefined) {
    throw invalidOptions(kind, notSupported('fieldValidation', validation, levels));
  }
  return {
    dryRun: readDryRun(query.getAll('dryRun'), kind),
    fieldManager: manager(call, kind),
    fieldValidation,
    force: isTrue(query.get('force')),
  };
}

/** `dryRun=All` and nothing else. */
export function readDryRun(values: readonly string[], kind: string): boolean {
  const given = values.filter((value) => value !== '');
  const wrong = given.find((value) => value !== 'All');
  if (wrong !== undefined) {
    throw invalidOptions(kind, notSupported('dryRun', wrong, ['All']));
  }
  return given.length > 0;
}

/** Who is recorded as owner: what the client says, else the beginning of its user agent. */
function manager(call: Call, kind: string): string {
  const given = call.info.query.get('fieldManager') ?? '';
  if (given.length > managerLimit) {
    throw invalidOptions(
      kind,
      cause('FieldValueTooLong', 'fieldManager', `may not be more than ${managerLimit} bytes`),
    );
  }
  if (/\p{Cc}/u.test(given)) {
    throw invalidOptions(
      kind,
      cause('FieldValueInvalid', 'fieldManager', 'should only contain printable characters', given),
    );
  }
  return given === '' ? (call.userAgent.split('/', 1)[0] ?? '').slice(0, managerLimit) || 'unknown' : given;
}

/** A whole number of a query; undefined when absent. Throws 400 for anything else. */
export function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') {
    return undefined;
  }
  if (!/^-?\d{1,15}$/.test(text)) {
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return Number(text);
}
