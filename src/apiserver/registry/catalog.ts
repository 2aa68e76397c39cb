import type { KindDefinition, KindRef } from '#api/kind.ts';
import { apiVersionOf } from '#api/kind.ts';
import type { Key } from '#store/entry.ts';
import { qualified } from '../api-errors.ts';
import { customVersionOf } from '../crd/served.ts';

/** What is served, by path and by kind: kinds that are compiled in, and those that definitions in the store bring. */
export class Catalog {
  readonly #compiled: readonly KindDefinition[];
  readonly #compiledResources: ReadonlySet<string>;
  #byPath = new Map<string, KindDefinition>();
  #versions = new Set<string>();
  #kinds: readonly KindDefinition[] = [];
  readonly #users = new Map<KindDefinition, Set<() => void>>();

  /** Throws when two kinds have the same path. */
  constructor(kinds: readonly KindDefinition[]) {
    this.#compiled = kinds;
    this.#compiledResources = new Set(kinds.map(resourceOf));
    this.serve([]);
  }

  /** Those compiled in first. The list is another one whenever it changes. */
  get kinds(): readonly KindDefinition[] {
    return this.#kinds;
  }

  /** Serves these kinds besides those compiled in, and tells the users of kinds that are no longer there. */
  serve(custom: readonly KindDefinition[]): void {
    const kinds = [...this.#compiled, ...custom];
    const byPath = new Map<string, KindDefinition>();
    for (const kind of kinds) {
      const path = pathOf(kind.group, kind.version, kind.plural);
      if (byPath.has(path)) {
        throw new RangeError(`${path} is served by two kinds`);
      }
      byPath.set(path, kind);
    }
    this.#byPath = byPath;
    this.#kinds = kinds;
    this.#versions = new Set(kinds.map(({ group, version }) => `${group}/${version}`));
    const kept = new Set(kinds);
    for (const [kind, users] of [...this.#users]) {
      if (!kept.has(kind)) {
        this.#users.delete(kind);
        for (const end of [...users]) {
          end();
        }
      }
    }
  }

  find(group: string, version: string, plural: string): KindDefinition | undefined {
    return this.#byPath.get(pathOf(group, version, plural));
  }

  serves(group: string, version: string): boolean {
    return this.#versions.has(`${group}/${version}`);
  }

  /** True when the resource is compiled in: no definition can bring another one. */
  isCompiledIn(kind: Pick<KindRef, 'group' | 'plural'>): boolean {
    return this.#compiledResources.has(resourceOf(kind));
  }

  /** Calls `end` once when the kind is no longer served as it is now. Returns the way to forget it. */
  whenGone(kind: KindDefinition, end: () => void): () => void {
    const users = this.#users.get(kind) ?? new Set();
    this.#users.set(kind, users);
    users.add(end);
    return () => {
      users.delete(end);
      if (users.size === 0) {
        this.#users.delete(kind);
      }
    };
  }
}

function pathOf(group: string, version: string, plural: string): string {
  return `${group}/${version}/${plural}`;
}

/** Where the store keeps a kind's objects, whatever their version. */
export function resourceOf(kind: Pick<KindDefinition, 'group' | 'plural' | 'storedAs'>): string {
  return qualified(kind.storedAs?.kind ?? kind);
}

/** Where the store keeps one object. */
export function keyOf(
  kind: Pick<KindDefinition, 'group' | 'plural' | 'namespaced' | 'storedAs'>,
  namespace: string,
  name: string,
): Key {
  return { resource: resourceOf(kind), namespace: kind.namespaced ? namespace : '', name };
}

/** `{kind}List` and its `apiVersion`. */
export function listType(kind: KindDefinition): { readonly kind: string; readonly apiVersion: string } {
  return { kind: customVersionOf(kind)?.listKind ?? `${kind.kind}List`, apiVersion: apiVersionOf(kind) };
}

const builtinWithGeneration: ReadonlySet<string> = new Set([
  'mutatingwebhookconfigurations.admissionregistration.k8s.io',
  'validatingwebhookconfigurations.admissionregistration.k8s.io',
  'validatingadmissionpolicies.admissionregistration.k8s.io',
  'validatingadmissionpolicybindings.admissionregistration.k8s.io',
  'pods',
  'deployments.apps',
  'replicasets.apps',
  'replicationcontrollers',
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
