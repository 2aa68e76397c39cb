/** Addresses of services in the cluster: handed out when a service is made, kept while it lives (kubernetes `registry/core/service`). */
import { withClusterIp } from '#api/core/admission/cluster-ip.ts';
import type { Service } from '#api/core/service.ts';
import { ApiError } from '#machinery/errors.ts';
import type { Store } from '#store/store.ts';
import type { ApiObject } from '../../registry/objects.ts';
import { invalidStatus } from '../../schema/causes.ts';
import type { AdmissionPlugin, Attributes } from '../plugin.ts';
import { listed } from '../stored.ts';

const resource = 'services';

/** Two services made at once get two addresses: what is on its way to disk counts as taken. */
export function serviceAddresses(store: Store): AdmissionPlugin {
  return {
    name: 'ServiceClusterIP',
    concerns: ({ operation, kind, subresource }) =>
      (operation === 'CREATE' || operation === 'UPDATE') &&
      kind.group === '' &&
      kind.plural === resource &&
      subresource === '',
    mutate: (attributes) => withAddress(store, attributes),
  };
}

function withAddress(
  store: Store,
  { kind, object, old, namespace, name }: Attributes,
): ApiObject | undefined {
  const service = object as unknown as Service | undefined;
  const { clusterIP, type } = service?.spec ?? {};
  const before = (old as unknown as Service | undefined)?.spec.clusterIP;
  if (service === undefined || type === 'ExternalName' || (before !== undefined && before === clusterIP)) {
    return object;
  }
  const others = listed<Service>(store, resource).filter(
    ({ metadata }) => metadata.namespace !== namespace || metadata.name !== name,
  );
  const taken = new Set(others.flatMap(({ spec }) => spec.clusterIPs ?? spec.clusterIP ?? []));
  const result = withClusterIp(service.spec, taken);
  if ('cause' in result) {
    throw new ApiError(invalidStatus(kind, name, [result.cause]));
  }
  return { ...service, spec: result.spec };
}
