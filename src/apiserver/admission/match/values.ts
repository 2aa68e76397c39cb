/** Objects as expressions see them. */
import type { KindDefinition } from '#api/kind.ts';
import type { Authorizer } from '../../auth/authorize.ts';
import { toCel } from '../../cel/values.ts';
import type { ApiObject } from '../../registry/objects.ts';
import { rootSchemaOf } from '../../schema/object-meta.ts';
import type { Attributes } from '../plugin.ts';
import { authorizerOf } from './authorizer.ts';
import type { Variables } from './expression.ts';
import { inVersion, requestOf } from './request.ts';

/** An object of a kind; null when there is none. */
export function objectValue(kind: KindDefinition | undefined, object: unknown): unknown {
  return object === undefined
    ? null
    : toCel(kind === undefined ? undefined : rootSchemaOf(kind.schema), object, new Map());
}

/** `object`, `oldObject` and `request` in the version of `kind`, and `authorizer`. */
export function requestVariables(
  attributes: Attributes,
  kind: KindDefinition,
  authorizers: readonly Authorizer[],
): Variables {
  const shown = (object: ApiObject | undefined) =>
    objectValue(
      attributes.objectKind === attributes.kind ? kind : undefined,
      inVersion(object, attributes.kind, kind),
    );
  return {
    object: shown(attributes.object),
    oldObject: shown(attributes.old),
    request: toCel(undefined, requestOf(attributes, kind), new Map()),
    authorizer: authorizerOf(authorizers, attributes),
  };
}
