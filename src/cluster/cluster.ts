import { kinds } from '#api/kinds.ts';
import type { Controller } from '#machinery/controller.ts';
import type { InformerFactory } from '#machinery/informer.ts';
import { createCertificateApprover } from './certificates/approver.ts';
import { createCertificateCleaner } from './certificates/cleaner.ts';
import { createCertificateSigner, type SignerDeps } from './certificates/signer.ts';
import { CustomKinds } from './custom-kinds.ts';
import { createDaemonSetController } from './daemon-set/daemon-set-controller.ts';
import { createDeploymentController } from './deployment/deployment-controller.ts';
import { createDisruptionController } from './disruption/disruption-controller.ts';
import { createEndpointsController } from './endpoints/endpoints-controller.ts';
import { createEventExpiry } from './event-expiry.ts';
import { createGarbageCollector } from './garbage-collector/garbage-collector.ts';
import { createJobController } from './job/job-controller.ts';
import {
  createNamespaceDefaults,
  type NamespaceDefaultsDeps,
} from './namespace-defaults/namespace-defaults.ts';
import { createNamespaceController } from './namespace-deletion.ts';
import { createNodeLifecycle } from './node-lifecycle.ts';
import { createPodGarbageCollector } from './pod-garbage-collector.ts';
import {
  createReplicaSetController,
  createReplicationController,
} from './replica-set/replica-set-controller.ts';
import { createScheduler } from './scheduler/scheduler.ts';
import { createSystemPriorityClasses } from './system-priority-classes.ts';

/** What the loops of a cluster are made with. */
export type ClusterDeps = NamespaceDefaultsDeps & SignerDeps;

/** What a bare API server lacks and a Kubernetes cluster has. A new controller is one file and one line here. */
export function clusterControllers(factory: InformerFactory, deps: ClusterDeps): Controller[] {
  // Nothing is owned by an Event, and an Event by nobody: the graph leaves them out.
  const owning = kinds.filter(({ kind }) => kind !== 'Event');
  /** Events come from whom upstream's come from: people and scripts look for these names. */
  const as = (component: string): ClusterDeps => ({ ...deps, events: deps.events.as(component) });
  const custom = new CustomKinds(factory, kinds);
  return [
    createScheduler(factory, as('default-scheduler')),
    createGarbageCollector(factory, as('garbage-collector-controller'), owning, custom),
    createNamespaceController(factory, deps, kinds, custom),
    createNodeLifecycle(factory, as('node-controller')),
    createPodGarbageCollector(factory, as('pod-garbage-collector-controller')),
    createEventExpiry(factory, deps),
    createNamespaceDefaults(factory, deps),
    createSystemPriorityClasses(factory),
    createReplicaSetController(factory, as('replicaset-controller')),
    createReplicationController(factory, as('replication-controller')),
    createDeploymentController(factory, as('deployment-controller')),
    createDaemonSetController(factory, as('daemonset-controller')),
    createJobController(factory, as('job-controller')),
    createEndpointsController(factory, deps),
    createDisruptionController(factory, as('controllermanager')),
    createCertificateApprover(factory, deps),
    createCertificateSigner(factory, deps),
    createCertificateCleaner(factory, deps),
  ];
}
