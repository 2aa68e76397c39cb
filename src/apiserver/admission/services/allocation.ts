/**
 * Addresses of services in the cluster and their ports on the nodes: handed out when a service is made, kept while it lives
 * (kubernetes `registry/core/service`). What is taken is what the stored services have, so nothing is lost by a restart.
 */
import { withClusterIps } from '#api/core/admission/cluster-ip.ts';
import { nodePortsOf, withNodePorts } from '#api/core/admission/node-ports.ts';
import type { Service } from '#api/core/service.ts';
import { ApiError } from '#machinery/errors.ts';
import type { Store } from '#store/store.ts';
import type { ApiObject } from '../../registry/objects.ts';
import { invalidStatus } from '../../schema/causes.ts';
import type { AdmissionPlugin, Attributes } from '../plugin.ts';
import { listed } from '../stored.ts';

const resource = 'services';

/** Two services made at once get two addresses: what is on its way to disk counts as taken. */
export function serviceAllocation(store: Store): AdmissionPlugin {
  return {
    name: 'ServiceAllocation',
    concerns: ({ operation, kind, subresource }) =>
      (operation === 'CREATE' || operation === 'UPDATE') &&
      kind.group === '' &&
      kind.plural === resource &&
      subresource === '',
    mutate: (attributes) => allocated(store, attributes),
  };
}

function allocated(store: Store, { kind, object, namespace, name }: Attributes): ApiObject | undefined {
  const service = object as unknown as Service | undefined;
  if (service?.spec === undefined) {
    return object;
  }
  const others = listed<Service>(store, resource).filter(
    ({ metadata }) => metadata.namespace !== namespace || metadata.name !== name,
  );
  const addresses = new Set(others.flatMap(({ spec }) => spec.clusterIPs ?? spec.clusterIP ?? []));
  const addressed = withClusterIps(service.spec, addresses);
  if ('cause' in addressed) {
    throw new ApiError(invalidStatus(kind, name, [addressed.cause]));
  }
  const result = withNodePorts(addressed.spec, new Set(others.flatMap(({ spec }) => nodePortsOf(spec))));
  if ('cause' in result) {
    throw new ApiError(invalidStatus(kind, name, [result.cause]));
  }
  return { ...service, spec: result.spec };
}
