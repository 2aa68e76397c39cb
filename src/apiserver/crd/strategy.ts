/** What happens to a CustomResourceDefinition when it is written (apiextensions `registry/customresourcedefinition`). */
import type { CustomResourceDefinition } from '#api/apiextensions.k8s.io/custom-resource-definition.ts';
import { customResourceDefinition } from '#api/apiextensions.k8s.io/custom-resource-definition.ts';
import type { AdmissionRequest } from '#api/kind.ts';
import type { Cause, KubeObject } from '#api/meta.ts';
import type { ApiObject } from '../registry/objects.ts';
import { namingStatus, withCondition } from './names.ts';
import { validateDefinition } from './validate.ts';

/** Holds a definition until its instances are gone. */
export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

/** The definition's exceptions from what every kind goes through. */
export const definitionStrategy = {
  prepareDelete,
  mutate,
  validate: (request: AdmissionRequest): readonly Cause[] =>
    request.subresource === undefined
      ? validateDefinition(
          request.object as CustomResourceDefinition,
          request.old as CustomResourceDefinition | undefined,
        )
      : [],
};

/** `listKind`, `singular` and `conversion` have defaults; names and conditions are settled with the write. */
function mutate(request: AdmissionRequest, now: number): KubeObject {
  const given = request.object as CustomResourceDefinition;
  if (request.subresource !== undefined) {
    return given;
  }
  const { names, conversion = { strategy: 'None' } } = given.spec;
  const { kind, singular = kind.toLowerCase(), listKind = `${kind}List` } = names;
  const spec = { ...given.spec, conversion, names: { ...names, singular, listKind } };
  const { status: _, ...content } = given;
  const status = (request.old as CustomResourceDefinition | undefined)?.status;
  const object = {
    ...content,
    spec,
    ...(status === undefined ? {} : { status }),
  } as CustomResourceDefinition;
  if (object.metadata.deletionTimestamp !== undefined) {
    return object;
  }
  const others = (request.list(customResourceDefinition) as readonly CustomResourceDefinition[]).filter(
    ({ metadata }) => metadata.name !== object.metadata.name,
  );
  const named: CustomResourceDefinition = { ...object, status: namingStatus(object, others, now) };
  return named;
}

/** The first deletion puts the finalizer on, so that instances go first. */
function prepareDelete(object: ApiObject, now: number): ApiObject {
  const { metadata } = object;
  const finalizers = new Set([...(metadata.finalizers ?? []), cleanupFinalizer]);
  const status = (object as unknown as CustomResourceDefinition).status ?? {};
  const conditions = withCondition(
    status.conditions ?? [],
    {
      type: 'Terminating',
      status: 'True',
      reason: 'InstanceDeletionPending',
      message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
    },
    now,
  );
  return {
    ...object,
    metadata: { ...metadata, finalizers: [...finalizers] },
    status: { ...status, conditions },
  };
}
