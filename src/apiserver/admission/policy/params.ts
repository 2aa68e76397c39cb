/** The objects that a binding gives its policy as `params` (apiserver `admission/plugin/policy/generic`). */
import type { PolicySpec } from '#api/admissionregistration.k8s.io/validating-admission-policy.ts';
import type {
  BindingSpec,
  ParamRef,
} from '#api/admissionregistration.k8s.io/validating-admission-policy-binding.ts';
import { apiVersionOf, type KindDefinition } from '#api/kind.ts';
import { selects } from '#api/label-rules.ts';
import type { Store } from '#store/store.ts';
import { type Catalog, resourceOf } from '../../registry/catalog.ts';
import { objectValue } from '../match/values.ts';
import { listed, lookup } from '../stored.ts';

/** Where params are looked for. */
export interface ParamSource {
  readonly store: Store;
  readonly catalog: Catalog;
  /** Namespace of the request. */
  readonly namespace: string;
}

/** Params of a binding as expressions see them, one evaluation each. Throws `Error` when the binding cannot be used. */
export function paramsOf(
  { paramKind }: PolicySpec,
  { paramRef }: BindingSpec,
  source: ParamSource,
): readonly unknown[] {
  if (paramKind === undefined || paramRef === undefined) {
    return [null];
  }
  const kind = source.catalog.kinds.find(
    (one) => one.kind === paramKind.kind && apiVersionOf(one) === paramKind.apiVersion,
  );
  if (kind === undefined) {
    throw new Error(
      `failed to find resource referenced by paramKind: '${paramKind.apiVersion}, Kind=${paramKind.kind}'`,
    );
  }
  const found = find(kind, paramRef, source);
  if (found.length === 0 && paramRef.parameterNotFoundAction !== 'Allow') {
    throw new Error('no params found for policy binding with `Deny` parameterNotFoundAction');
  }
  return found.map((object) => objectValue(kind, object));
}

function find(kind: KindDefinition, ref: ParamRef, { store, namespace }: ParamSource): readonly unknown[] {
  const given = ref.namespace ?? '';
  if (!kind.namespaced && given !== '') {
    throw new Error('paramRef.namespace must not be provided for a cluster-scoped `paramKind`');
  }
  const within = kind.namespaced ? given || namespace : '';
  if (kind.namespaced && within === '') {
    throw new Error('cannot use namespaced paramRef in policy binding that matches cluster-scoped resources');
  }
  const { name = '', selector } = ref;
  const resource = resourceOf(kind);
  if (name !== '') {
    const found = lookup(store, resource, within, name);
    return found === undefined ? [] : [found];
  }
  return listed(store, resource, kind.namespaced ? within : undefined).filter(({ metadata }) =>
    selects(selector ?? {}, metadata.labels),
  );
}
