/** Fills in the rules of cluster roles that are made of others (upstream's clusterrole-aggregation-controller). */
import {
  type ClusterRole,
  clusterRole as clusterRoleKind,
} from '#api/rbac.authorization.k8s.io/cluster-role.ts';
import type { PolicyRule } from '#api/rbac.authorization.k8s.io/rule.ts';
import { isNotFound } from '#machinery/errors.ts';
import { requestInfo } from '../../http/request-info.ts';
import type { Log } from '../../log.ts';
import { deepEqual } from '../../patch/equal.ts';
import type { Services } from '../../registry/call.ts';
import { type ApiObject, objectOf } from '../../registry/objects.ts';
import { update } from '../../registry/update.ts';
import { matchesLabels } from '../../selectors/object-selector.ts';
import { mastersGroup } from '../user.ts';
import { rbacResources } from './policy.ts';

const user = {
  name: 'system:serviceaccount:kube-system:clusterrole-aggregation-controller',
  groups: [mastersGroup],
};

/** Keeps aggregated roles up to date. */
export class RoleAggregation {
  readonly #services: Services;
  readonly #log: Log;
  readonly #stop: () => void;
  #running: Promise<void> | undefined;
  #again = false;

  constructor(services: Services, log: Log) {
    this.#services = services;
    this.#log = log;
    this.#stop = services.store.observe(rbacResources.clusterRoles, () => this.#wake());
  }

  close(): void {
    this.#stop();
  }

  /** Brings every aggregated role up to date; resolves when nothing is left to do. */
  async settle(): Promise<void> {
    this.#wake();
    while (this.#running !== undefined) {
      await this.#running;
    }
  }

  #wake(): void {
    if (this.#running !== undefined) {
      this.#again = true;
      return;
    }
    this.#again = false;
    this.#running = this.#round()
      .catch((error: unknown) => this.#log.error({ err: error }, 'cluster roles were not aggregated'))
      .finally(() => {
        this.#running = undefined;
        if (this.#again) {
          this.#wake();
        }
      });
  }

  async #round(): Promise<void> {
    const { store } = this.#services;
    const roles = [...store.list({ resource: rbacResources.clusterRoles })].map(
      (entry) => objectOf(entry) as unknown as ClusterRole,
    );
    for (const role of roles) {
      const rules = aggregatedRules(role, roles);
      if (rules !== undefined && !deepEqual(rules, role.rules ?? [])) {
        await this.#write(role.metadata.name, rules);
      }
    }
  }

  async #write(name: string, rules: readonly PolicyRule[]): Promise<void> {
    const path = `/apis/rbac.authorization.k8s.io/v1/clusterroles/${encodeURIComponent(name)}`;
    const call = {
      info: requestInfo('PUT', path),
      user,
      userAgent: 'clusterrole-aggregation-controller',
      warnings: [],
    };
    const options = {
      dryRun: false,
      fieldManager: 'clusterrole-aggregation-controller',
      fieldValidation: 'Strict',
      force: false,
    } as const;
    const next = (live: ApiObject) => ({ object: { ...live, rules } });
    try {
      await update(this.#services, call, { kind: clusterRoleKind, namespace: '', name, next }, options);
    } catch (error) {
      if (!isNotFound(error)) {
        throw error;
      }
    }
  }
}

/** The rules that a role is made of, each once, by the names of the roles they come from; undefined for other roles. */
export function aggregatedRules(
  role: ClusterRole,
  all: readonly ClusterRole[],
): readonly PolicyRule[] | undefined {
  const selectors = role.aggregationRule?.clusterRoleSelectors;
  if (selectors === undefined) {
    return undefined;
  }
  const seen = new Set<string>();
  const sources = all
    .filter(({ metadata }) => metadata.name !== role.metadata.name)
    .filter(({ metadata }) => selectors.some((selector) => matchesLabels(selector, metadata.labels ?? {})));
  return sources
    .flatMap(({ rules = [] }) => rules)
    .filter((rule) => {
      const text = JSON.stringify(rule);
      return !seen.has(text) && seen.add(text);
    });
}
