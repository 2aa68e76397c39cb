import { kinds } from '#api/kinds.ts';
import type { Controller } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import type { InformerFactory } from '#machinery/informer.ts';
import { createEventExpiry } from './event-expiry.ts';
import { createGarbageCollector } from './garbage-collector/garbage-collector.ts';
import { createNamespaceController } from './namespace-deletion.ts';
import { createNodeLifecycle } from './node-lifecycle.ts';
import { createPodGarbageCollector } from './pod-garbage-collector.ts';
import { createScheduler } from './scheduler/scheduler.ts';

/** What a bare API server lacks and a Kubernetes cluster has. A new controller is one file and one line here. */
export function clusterControllers(factory: InformerFactory, deps: ControllerDeps): Controller[] {
  // Nothing is owned by an Event, and an Event by nobody: the graph leaves them out.
  const owning = kinds.filter(({ kind }) => kind !== 'Event');
  return [
    createScheduler(factory, deps),
    createGarbageCollector(factory, deps, owning),
    createNamespaceController(factory, deps, kinds),
    createNodeLifecycle(factory, deps),
    createPodGarbageCollector(factory, deps),
    createEventExpiry(factory, deps),
  ];
}
