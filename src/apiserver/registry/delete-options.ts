import { badRequest, invalidOptions } from '../api-errors.ts';
import { decodeBody } from '../http/body.ts';
import { isTrue } from '../http/request-info.ts';
import { cause, notSupported } from '../schema/causes.ts';
import { isRecord } from './metadata.ts';
import { readDryRun, wholeNumber } from './write-options.ts';

/** How to delete. */
export interface DeleteOptions {
  readonly dryRun: boolean;
  readonly gracePeriodSeconds: number | undefined;
  readonly propagationPolicy: 'Foreground' | 'Background' | 'Orphan' | undefined;
  readonly preconditions: { readonly uid?: string; readonly resourceVersion?: string };
}

const policies = ['Foreground', 'Background', 'Orphan'] as const;

/** Reads `DeleteOptions` of the body, or of the query when there is no body. Throws 400 or 422. */
export function deleteOptions(
  query: URLSearchParams,
  body: Buffer,
  contentType: string | undefined,
): DeleteOptions {
  const given = body.length === 0 ? fromQuery(query) : fromBody(body, contentType);
  const { gracePeriodSeconds, propagationPolicy, orphanDependents } = given;
  if (gracePeriodSeconds !== undefined && !Number.isSafeInteger(gracePeriodSeconds)) {
    throw badRequest('DeleteOptions.gracePeriodSeconds must be a whole number');
  }
  const policy = policies.find((each) => each === propagationPolicy);
  if (propagationPolicy !== undefined && policy === undefined) {
    throw invalidOptions(
      'DeleteOptions',
      notSupported('propagationPolicy', propagationPolicy, ['Background', 'Foreground', 'Orphan', 'nil']),
    );
  }
  if (policy !== undefined && typeof orphanDependents === 'boolean') {
    const why = 'orphanDependents and deletionPropagation cannot be both set';
    throw invalidOptions('DeleteOptions', cause('FieldValueInvalid', 'propagationPolicy', why, policy));
  }
  const dryRun = Array.isArray(given.dryRun) ? given.dryRun.map(String) : [];
  return {
    dryRun: readDryRun([...dryRun, ...query.getAll('dryRun')], 'DeleteOptions'),
    gracePeriodSeconds: gracePeriodSeconds as number | undefined,
    propagationPolicy: policy ?? legacyPolicy(orphanDependents),
    preconditions: preconditionsOf(given.preconditions),
  };
}

/** The options that an Eviction brings along. Throws 400 or 422. */
export function evictionOptions(query: URLSearchParams, eviction: unknown): DeleteOptions {
  const given = isRecord(eviction) && isRecord(eviction['deleteOptions']) ? eviction['deleteOptions'] : {};
  return deleteOptions(query, Buffer.from(JSON.stringify(given)), 'application/json');
}

interface Given {
  readonly gracePeriodSeconds?: unknown;
  readonly propagationPolicy?: unknown;
  readonly orphanDependents?: unknown;
  readonly preconditions?: unknown;
  readonly dryRun?: unknown;
}

function fromQuery(query: URLSearchParams): Given {
  const policy = query.get('propagationPolicy') ?? '';
  const orphan = query.get('orphanDependents');
  return {
    gracePeriodSeconds: wholeNumber(query, 'gracePeriodSeconds'),
    ...(policy === '' ? {} : { propagationPolicy: policy }),
    ...(orphan === null ? {} : { orphanDependents: isTrue(orphan) }),
  };
}

function fromBody(body: Buffer, contentType: string | undefined): Given {
  const { value } = decodeBody(body, contentType);
  if (!isRecord(value)) {
    throw badRequest('DeleteOptions must be an object');
  }
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== null));
}

function legacyPolicy(orphan: unknown): DeleteOptions['propagationPolicy'] {
  return typeof orphan === 'boolean' ? (orphan ? 'Orphan' : 'Background') : undefined;
}

function preconditionsOf(value: unknown): DeleteOptions['preconditions'] {
  const { uid, resourceVersion } = isRecord(value) ? value : {};
  return {
    ...(typeof uid === 'string' ? { uid } : {}),
    ...(typeof resourceVersion === 'string' ? { resourceVersion } : {}),
  };
}
