/** Keeps the status of ResourceQuotas: what is used, of everything that a namespace holds. pkg/controller/resourcequota. */
import { type Pod, pod } from '#api/core/pod.ts';
import { concerns, usageOf, usedOf } from '#api/core/quota/usage.ts';
import { type ResourceQuota, resourceQuota } from '#api/core/resource-quota.ts';
import { type Service, service } from '#api/core/service.ts';
import type { KindRef } from '#api/kind.ts';
import type { KubeObject } from '#api/meta.ts';
import { type Controller, keyOf, type Source, source } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import type { Informer, InformerEvent, InformerFactory } from '#machinery/informer.ts';
import { equal } from '#machinery/merge-patch.ts';
import { StatusWriter } from '../owned/status-writer.ts';

/** The quota controller; `kinds` are those that can be counted. */
export function createQuotaController(
  factory: InformerFactory,
  _deps: ControllerDeps,
  kinds: readonly KindRef[],
): Controller {
  const quotas = factory.informer(resourceQuota);
  const counted = kinds.filter(({ namespaced }) => namespaced);
  const informers = new Map<KindRef, Informer<KubeObject>>(
    counted.map((kind) => [kind, factory.informer(kind) as Informer<KubeObject>]),
  );
  const statuses = new StatusWriter(factory.client, resourceQuota);
  return {
    name: 'resource-quota',
    sources: [
      source(quotas, ({ object }) => [keyOf(object)]),
      ...[...informers].map(([kind, informer]) => countedSource(kind, informer, quotas)),
    ],
    reconcile: async (key) => {
      const [namespace = '', name = ''] = key.split('/');
      const seen = quotas.get({ namespace, name });
      if (seen === undefined) {
        statuses.forget(key);
        return undefined;
      }
      const quota = statuses.current(seen);
      const used = usedOf(quota, counted, (kind) => informers.get(kind)?.list(namespace) ?? []);
      await statuses.write(seen, quota, { hard: quota.spec?.hard ?? {}, used });
      return undefined;
    },
  };
}

/** Quotas of the namespace that name something the object counts as, when that changed. */
function countedSource(
  kind: KindRef,
  informer: Informer<KubeObject>,
  quotas: Informer<ResourceQuota>,
): Source {
  return source(informer, (event) => {
    const { namespace } = event.object.metadata;
    const affected = quotas
      .list(namespace)
      .filter(({ spec }) => concerns(kind, Object.keys(spec?.hard ?? {})));
    return affected.length === 0 || !changesUsage(kind, event) ? [] : affected.map(keyOf);
  });
}

function changesUsage(kind: KindRef, { type, object, old }: InformerEvent<KubeObject>): boolean {
  if (type !== 'updated' || old === undefined) {
    return true;
  }
  const isPod = kind.group === '' && kind.plural === pod.plural;
  if (!isPod && !(kind.group === '' && kind.plural === service.plural)) {
    return false;
  }
  const spec = (one: KubeObject): unknown => (one as Pod | Service).spec;
  return !equal([...usageOf(kind, object)], [...usageOf(kind, old)]) || !equal(spec(object), spec(old));
}
