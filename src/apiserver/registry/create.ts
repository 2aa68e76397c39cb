import { randomUUID } from 'node:crypto';
import { apiVersionOf, type KindDefinition } from '#api/kind.ts';
import { timestamp } from '#machinery/clock.ts';
import { StoreError } from '#store/errors.ts';
import { alreadyExists, badRequest, failure, forbidden } from '../api-errors.ts';
import { isTerminating } from '../crd/served.ts';
import { stored, textViewer } from '../crd/view.ts';
import { admit, type Candidate, compactMetadata, withOwners } from './admission.ts';
import type { Call, Services } from './call.ts';
import { hasGeneration, keyOf } from './catalog.ts';
import { generatedName } from './names.ts';
import { checkNamespace } from './namespaces.ts';
import { type ApiObject, encoder } from './objects.ts';
import { strategyOf } from './strategies.ts';
import type { WriteOptions } from './write-options.ts';

/** How often a generated name may collide before the client learns of it. */
const generateAttempts = 8;

/** What is created. */
export interface Creation {
  readonly kind: KindDefinition;
  readonly namespace: string;
  readonly object: ApiObject;
  readonly duplicates?: readonly string[];
  /** `metadata.managedFields` is final already (server-side apply). */
  readonly owned?: boolean;
}

/** Creates an object and returns its text once it is on disk. Throws 400, 403, 404, 409 or 422. */
export async function create(
  services: Services,
  call: Call,
  creation: Creation,
  options: WriteOptions,
): Promise<string> {
  const given = creation.object.metadata;
  checkRequest(creation);
  const generated = (given.name ?? '') === '' && (given.generateName ?? '') !== '';
  for (let attempt = 1; ; attempt++) {
    const name = generated ? generatedName(given.generateName ?? '') : (given.name ?? '');
    try {
      return await createOnce(services, call, creation, name, options);
    } catch (error) {
      if (!(error instanceof StoreError) || error.reason !== 'AlreadyExists') {
        throw error;
      }
      if (!generated || attempt >= generateAttempts) {
        throw alreadyExists(creation.kind, name);
      }
    }
  }
}

async function createOnce(
  services: Services,
  call: Call,
  creation: Creation,
  name: string,
  options: WriteOptions,
): Promise<string> {
  const { kind, namespace } = creation;
  const now = services.clock.now();
  if (isTerminating(kind)) {
    throw forbidden(kind, name, 'create not allowed while custom resource definition is terminating');
  }
  checkNamespace(services, kind, namespace, name);
  const prepared = prepare(creation, name, timestamp(now));
  const candidate: Candidate = { kind, object: prepared, duplicates: creation.duplicates };
  const admitting = admit(services, call, candidate, options);
  const admitted = admitting instanceof Promise ? await admitting : admitting;
  if (admitting instanceof Promise) {
    checkNamespace(services, kind, namespace, name);
  }
  const object =
    creation.owned === true ? admitted : withOwners({ kind, object: admitted }, options, new Date(now));
  const key = keyOf(kind, namespace, name);
  if (options.dryRun) {
    if (services.store.head(key) !== undefined) {
      throw new StoreError('AlreadyExists', name);
    }
    return encoder(object)(0).replace('"resourceVersion":"0"', '"resourceVersion":""');
  }
  const entry = await services.store.put({ key, expected: 0, encode: encoder(stored(kind, object)) });
  return textViewer(kind)(entry);
}

function checkRequest({ kind, namespace, object }: Creation): void {
  const { metadata } = object;
  if (
    kind.namespaced &&
    metadata.namespace !== undefined &&
    metadata.namespace !== '' &&
    metadata.namespace !== namespace
  ) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if ((metadata.resourceVersion ?? '') !== '' && metadata.resourceVersion !== '0') {
    throw failure(500, undefined, 'resourceVersion should not be set on objects to be created');
  }
}

function prepare({ kind, namespace, object }: Creation, name: string, now: string): ApiObject {
  const { status, ...content } = object;
  const strategy = strategyOf(kind);
  const keepStatus = kind.subresources?.status !== true || strategy.statusOnCreate === true;
  const {
    resourceVersion: _r,
    deletionTimestamp: _d,
    deletionGracePeriodSeconds: _g,
    generation: _n,
    ...given
  } = object.metadata;
  const metadata = compactMetadata({
    ...given,
    name,
    namespace: kind.namespaced ? namespace : given.namespace,
    uid: randomUUID(),
    creationTimestamp: now,
    generation: hasGeneration(kind) ? 1 : undefined,
  });
  const prepared: ApiObject = {
    ...content,
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata,
    ...(keepStatus && status !== undefined ? { status } : {}),
  };
  return strategy.prepareCreate?.(prepared) ?? prepared;
}
