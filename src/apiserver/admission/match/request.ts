/** A request as webhooks and expressions see it (`admission.k8s.io/v1 AdmissionRequest`). */
import { apiVersionOf, type KindDefinition, type KindRef } from '#api/kind.ts';
import type { ApiObject } from '../../registry/objects.ts';
import type { Attributes } from '../plugin.ts';

/** A request in the version of `kind`, without its objects. */
export function requestOf(attributes: Attributes, kind: KindDefinition): Readonly<Record<string, unknown>> {
  const { objectKind, subresource, name, namespace, operation, user, dryRun, options } = attributes;
  const own = subresource !== '' && objectKind !== attributes.kind;
  const sub = subresource === '' ? {} : { subResource: subresource };
  const requestSub = subresource === '' ? {} : { requestSubResource: subresource };
  return {
    kind: typeOf(own ? objectKind : kind),
    resource: resourceOf(kind),
    ...sub,
    requestKind: typeOf(objectKind),
    requestResource: resourceOf(attributes.kind),
    ...requestSub,
    ...(name === '' ? {} : { name }),
    ...(namespace === '' ? {} : { namespace }),
    operation,
    userInfo: {
      username: user.name,
      ...(user.uid === undefined ? {} : { uid: user.uid }),
      groups: user.groups,
      ...(user.extra === undefined ? {} : { extra: user.extra }),
    },
    dryRun,
    options: Object.keys(options).length === 0 ? null : options,
  };
}

/** An object in the version that a rule means: conversion is `None`, so only `apiVersion` differs. */
export function inVersion(
  object: ApiObject | undefined,
  from: KindDefinition,
  to: KindDefinition,
): ApiObject | undefined {
  return object === undefined || from.version === to.version || object.apiVersion !== apiVersionOf(from)
    ? object
    : { ...object, apiVersion: apiVersionOf(to) };
}

function typeOf({ group, version, kind }: Pick<KindRef, 'group' | 'version' | 'kind'>) {
  return { group, version, kind };
}

function resourceOf({ group, version, plural }: KindRef) {
  return { group, version, resource: plural };
}
