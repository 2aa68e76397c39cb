/** Keeps Endpoints and EndpointSlices of services with a selector. pkg/controller/{endpoint,endpointslice}. */
import { type Endpoints, endpoints } from '#api/core/endpoints.ts';
import { type Node, node } from '#api/core/node.ts';
import { type Pod, pod } from '#api/core/pod.ts';
import { type Service, service } from '#api/core/service.ts';
import { type EndpointSlice, endpointSlice } from '#api/discovery.k8s.io/endpoint-slice.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { type Controller, keyOf, source } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import { isConflict, isNotFound } from '#machinery/errors.ts';
import type { Informer, InformerEvent, InformerFactory } from '#machinery/informer.ts';
import { equal } from '#machinery/merge-patch.ts';
import { includesLabels } from '#machinery/selectors.ts';
import { ifGone } from '../owned/claims.ts';
import { Pending } from '../owned/pending.ts';
import { isNamespaceLeaving } from '../owned/pod-control.ts';
import { type Backend, backendsOf, familiesOf } from './backends.ts';
import { managedByLabel, manager, planSlices, serviceLabel } from './slices.ts';
import { composeEndpoints, endpointsManagedBy } from './subsets.ts';

const zoneLabel = 'topology.kubernetes.io/zone';

/** The endpoints controller: both kinds, so that they never disagree. */
export function createEndpointsController(factory: InformerFactory, deps: ControllerDeps): Controller {
  const services = factory.informer(service);
  const pods = factory.informer(pod);
  const nodes = factory.informer(node);
  const objects = factory.informer(endpoints);
  const slices = factory.informer(endpointSlice, {
    indexes: { service: (slice) => serviceKeysOf(slice) },
  });
  const loop = new EndpointsLoop(factory, deps, { services, pods, nodes, objects, slices });
  return {
    name: 'endpoints',
    workers: 4,
    sources: [
      source(services, ({ object }) => [keyOf(object)]),
      source(pods, (event) => servicesOf(services, event)),
      source(objects, ({ object }) => [keyOf(object)]),
      source(slices, ({ object }) => serviceKeysOf(object)),
    ],
    reconcile: (key) => loop.reconcile(key).then(() => undefined),
  };
}

/** Only slices that this controller made. */
function serviceKeysOf({ metadata }: EndpointSlice): readonly string[] {
  const name = metadata.labels?.[serviceLabel];
  const ours = metadata.labels?.[managedByLabel] === manager;
  return ours && name !== undefined ? [`${metadata.namespace}/${name}`] : [];
}

/** Services that select a pod, or did before, when something changed that an endpoint shows. */
function servicesOf(
  services: Informer<Service>,
  { type, object, old }: InformerEvent<Pod>,
): readonly string[] {
  if (type === 'updated' && old !== undefined && equal(shown(object), shown(old))) {
    return [];
  }
  return services
    .list(object.metadata.namespace)
    .filter(
      ({ spec }) =>
        spec.selector !== undefined &&
        Object.keys(spec.selector).length > 0 &&
        [object, old].some((one) => one !== undefined && includesLabels(one.metadata.labels, spec.selector)),
    )
    .map(keyOf);
}

function shown({ metadata, spec, status }: Pod): unknown {
  const { labels, deletionTimestamp } = metadata;
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  const ended = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  return [labels, deletionTimestamp, spec.nodeName, status?.podIPs, status?.podIP, ready, ended];
}

interface Sources {
  readonly services: Informer<Service>;
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  readonly objects: Informer<Endpoints>;
  readonly slices: Informer<EndpointSlice>;
}

class EndpointsLoop {
  readonly #client: ApiClient;
  readonly #sources: Sources;
  readonly #pending: Pending<EndpointSlice>;

  constructor(factory: InformerFactory, deps: ControllerDeps, sources: Sources) {
    this.#client = factory.client;
    this.#sources = sources;
    this.#pending = new Pending(sources.slices, deps.clock);
  }

  async reconcile(key: string): Promise<void> {
    const [namespace = '', name = ''] = key.split('/');
    const found = this.#sources.services.get({ namespace, name });
    if (found === undefined) {
      await this.#clear(namespace, name);
      return;
    }
    const { selector = {}, type } = found.spec;
    // Without a selector the endpoints are somebody else's.
    if (Object.keys(selector).length === 0 || type === 'ExternalName' || found.metadata.deletionTimestamp) {
      return;
    }
    const pods = this.#sources.pods
      .list(namespace)
      .filter(({ metadata }) => includesLabels(metadata.labels, selector));
    const backends = backendsOf(found, pods, (node_) => this.#zoneOf(node_));
    await this.#writeSlices(found, backends);
    await this.#writeEndpoints(found, backends);
  }

  #zoneOf(name: string): string | undefined {
    return this.#sources.nodes.get({ name })?.metadata.labels?.[zoneLabel];
  }

  /** A service that is gone takes its Endpoints along; the slices are the garbage collector's. */
  async #clear(namespace: string, name: string): Promise<void> {
    const left = this.#sources.objects.get({ namespace, name });
    if (left?.metadata.labels?.[endpointsManagedBy] !== undefined) {
      await this.#client.delete(endpoints, left.metadata).catch((error: unknown) => ifGone(error, undefined));
    }
  }

  async #writeSlices(found: Service, backends: readonly Backend[]): Promise<void> {
    const uid = found.metadata.uid ?? '';
    const present = this.#pending
      .view(uid, this.#sources.slices.byIndex('service', keyOf(found)))
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    const { create, update, remove } = planSlices(found, backends, present, familiesOf(found));
    for (const slice of create) {
      const made = await this.#client.create(endpointSlice, slice).catch(ignoreMade);
      if (made !== undefined) {
        this.#pending.made(uid, made);
      }
    }
    for (const slice of update) {
      await this.#client.update(endpointSlice, slice).catch((error: unknown) => ifGone(error, undefined));
    }
    for (const slice of remove) {
      await this.#client
        .delete(endpointSlice, slice.metadata)
        .catch((error: unknown) => ifGone(error, undefined));
      this.#pending.deleted(slice);
    }
  }

  async #writeEndpoints(found: Service, backends: readonly Backend[]): Promise<void> {
    const wanted = composeEndpoints(found, backends);
    const present = this.#sources.objects.get(found.metadata);
    if (present === undefined) {
      await this.#client.create(endpoints, wanted).catch(ignoreMade);
      return;
    }
    const { labels, annotations } = wanted.metadata;
    if (equal(present.subsets ?? [], wanted.subsets ?? []) && equal(present.metadata.labels, labels)) {
      return;
    }
    const { subsets: _, ...rest } = present;
    const metadata = {
      ...present.metadata,
      labels,
      annotations: { ...present.metadata.annotations, ...annotations },
    };
    const next = { ...rest, metadata, ...(wanted.subsets === undefined ? {} : { subsets: wanted.subsets }) };
    await this.#client.update(endpoints, next).catch(ignoreLate);
  }
}

/** Made already, by a pass that the informer does not show yet; or its namespace is leaving. */
function ignoreMade(error: unknown): undefined {
  if (!isConflict(error) && !isNamespaceLeaving(error)) {
    throw error;
  }
  return undefined;
}

function ignoreLate(error: unknown): void {
  if (!isNotFound(error)) {
    throw error;
  }
}
