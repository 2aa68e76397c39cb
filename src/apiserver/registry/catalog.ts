import type { KindDefinition, KindRef } from '#api/kind.ts';
import { apiVersionOf } from '#api/kind.ts';
import type { Key } from '#store/entry.ts';
import { qualified } from '../api-errors.ts';

/** What is served, by path and by kind. */
export class Catalog {
  readonly #byPath = new Map<string, KindDefinition>();
  readonly #kinds: KindDefinition[] = [];

  constructor(kinds: readonly KindDefinition[]) {
    for (const kind of kinds) {
      this.add(kind);
    }
  }

  /** In the order they were added. */
  get kinds(): readonly KindDefinition[] {
    return this.#kinds;
  }

  /** Serves one more kind. Throws when its path is taken. */
  add(kind: KindDefinition): void {
    const path = pathOf(kind.group, kind.version, kind.plural);
    if (this.#byPath.has(path)) {
      throw new RangeError(`${path} is served by two kinds`);
    }
    this.#byPath.set(path, kind);
    this.#kinds.push(kind);
  }

  find(group: string, version: string, plural: string): KindDefinition | undefined {
    return this.#byPath.get(pathOf(group, version, plural));
  }

  serves(group: string, version: string): boolean {
    return this.#kinds.some((kind) => kind.group === group && kind.version === version);
  }
}

function pathOf(group: string, version: string, plural: string): string {
  return `${group}/${version}/${plural}`;
}

/** Where the store keeps a kind's objects, whatever their version. */
export function resourceOf(kind: Pick<KindRef, 'group' | 'plural'>): string {
  return qualified(kind);
}

/** Where the store keeps one object. */
export function keyOf(
  kind: Pick<KindRef, 'group' | 'plural' | 'namespaced'>,
  namespace: string,
  name: string,
): Key {
  return { resource: qualified(kind), namespace: kind.namespaced ? namespace : '', name };
}

/** `{kind}List` and its `apiVersion`. */
export function listType(kind: KindRef): { readonly kind: string; readonly apiVersion: string } {
  return { kind: `${kind.kind}List`, apiVersion: apiVersionOf(kind) };
}

const builtinWithGeneration: ReadonlySet<string> = new Set([
  'mutatingwebhookconfigurations.admissionregistration.k8s.io',
  'validatingwebhookconfigurations.admissionregistration.k8s.io',
  'validatingadmissionpolicies.admissionregistration.k8s.io',
  'validatingadmissionpolicybindings.admissionregistration.k8s.io',
  'pods',
  'deployments.apps',
  'replicasets.apps',
  'statefulsets.apps',
  'daemonsets.apps',
  'jobs.batch',
  'cronjobs.batch',
  'poddisruptionbudgets.policy',
  'networkpolicies.networking.k8s.io',
  'customresourcedefinitions.apiextensions.k8s.io',
  'endpointslices.discovery.k8s.io',
]);

/** True when upstream counts the kind's changes in `metadata.generation`: custom resources and some builtin kinds. */
export function hasGeneration(kind: Pick<KindDefinition, 'builtin' | 'group' | 'plural'>): boolean {
  return !kind.builtin || builtinWithGeneration.has(qualified(kind));
}
