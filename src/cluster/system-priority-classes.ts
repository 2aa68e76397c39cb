/** The two PriorityClasses that every cluster has. k8s.io/kubernetes/pkg/registry/scheduling/rest. */
import { namespace } from '#api/core/namespace.ts';
import { priorityClass, systemPriorities } from '#api/scheduling.k8s.io/priority-class.ts';
import { type Controller, source } from '#machinery/controller.ts';
import { isConflict } from '#machinery/errors.ts';
import type { InformerFactory } from '#machinery/informer.ts';

const descriptions: Readonly<Record<string, string>> = {
  'system-node-critical': 'Used for system critical pods that must not be moved from their current node.',
  'system-cluster-critical':
    'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
};

/** Makes them, and makes them again when somebody deletes them. */
export function createSystemPriorityClasses(factory: InformerFactory): Controller {
  const classes = factory.informer(priorityClass);
  return {
    name: 'system-priority-classes',
    sources: [
      // There is always a namespace: it starts the first pass in an empty cluster.
      source(factory.informer(namespace), ({ type }) =>
        type === 'added' ? Object.keys(systemPriorities) : [],
      ),
      source(classes, ({ object: { metadata } }) =>
        Object.hasOwn(systemPriorities, metadata.name) ? [metadata.name] : [],
      ),
    ],
    reconcile: async (name) => {
      if (classes.get({ name }) === undefined) {
        const value = systemPriorities[name] ?? 0;
        await factory.client
          .create(priorityClass, { metadata: { name }, value, description: descriptions[name] })
          .catch(ignoreMade);
      }
      return undefined;
    },
  };
}

function ignoreMade(error: unknown): void {
  if (!isConflict(error)) {
    throw error;
  }
}
