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
  const custom = new CustomKinds(factory, kinds);
  return [
    createScheduler(factory, deps),
    createGarbageCollector(factory, deps, owning, custom),
    createNamespaceController(factory, deps, kinds, custom),
    createNodeLifecycle(factory, deps),
    createPodGarbageCollector(factory, deps),
    createEventExpiry(factory, deps),
    createNamespaceDefaults(factory, deps),
    createSystemPriorityClasses(factory),
    createReplicaSetController(factory, deps),
    createReplicationController(factory, deps),
    createDeploymentController(factory, deps),
    createDaemonSetController(factory, deps),
    createJobController(factory, deps),
    createEndpointsController(factory, deps),
    createDisruptionController(factory, deps),
    createCertificateApprover(factory, deps),
    createCertificateSigner(factory, deps),
    createCertificateCleaner(factory, deps),
  ];
}
