/**
 * nmstate's desired state → node resources. Pure.
 * A policy says what shall be, never what shall not: what it does not name stays as it is observed, so the result is the
 * observed network with the policy laid over it. https://nmstate.io/devel/api.html
 */
import { entriesOf, type Part, partOf } from '#api/nmstate.io/admission/desired-state.ts';
import { canonicalOvs } from '#drivers/ovs/driver.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { nearest } from '#node-state/nearest.ts';
import { NODE, type Resource } from '#node-state/resource.ts';
import { layAddresses } from './addresses.ts';
import { layBridge, layOvsBridge } from './bridges.ts';
import { layLink } from './links.ts';
import { NetworkDraft } from './network-draft.ts';
import { invalidState, type NetworkView, type Placed } from './placed.ts';

const root = 'spec.desiredState';

/**
 * The node's network resources after a policy: pods' own ports are left out, before and after.
 * Throws a PatchbayError `InvalidNetworkState` (not retryable) when the policy asks for what this node cannot do, and
 * `InterfaceNotFound` when it names a NIC that is not there.
 */
export function composeNodeNetwork(desiredState: unknown, view: NetworkView): readonly Resource[] {
  const state = (desiredState ?? {}) as Part;
  const draft = new NetworkDraft(view.resources.filter(isNodeNetwork));
  const interfaces = entriesOf(state, 'interfaces', root).map(
    ({ part, field }): Placed => ({ part, field, name: String(part['name'] ?? ''), view, draft }),
  );
  for (const placed of interfaces) {
    layInterface(placed, interfaces);
  }
  layRoutes(state, draft);
  layMappings(state, draft);
  refuseResolver(state);
  return draft.resources().map(canonical);
}

/** One spelling of Open vSwitch's rows, as its driver reads them back. */
function canonical(resource: Resource): Resource {
  return resource.kind === 'ovs-bridge' || resource.kind === 'ovs-port' || resource.kind === 'ovs-mappings'
    ? canonicalOvs(resource)
    : resource;
}

/** Whether a resource of the node's scope is network configuration, and no pod's. */
export function isNodeNetwork(resource: Resource): boolean {
  switch (resource.kind) {
    case 'link':
    case 'address':
    case 'route':
      return resource.netns === NODE;
    case 'ovs-bridge':
    case 'ovs-mappings':
      return true;
    case 'ovs-port':
      return resource.externalIds['sandbox'] === undefined;
    default:
      return false;
  }
}

function layInterface(placed: Placed, all: readonly Placed[]): void {
  const { part, name, draft } = placed;
  if (part['state'] === 'ignore') {
    return;
  }
  if (part['state'] === 'absent') {
    draft.removeInterface(name);
    return;
  }
  const known = (port: string): boolean =>
    placed.view.interfaces.some((one) => one.name === port) || all.some((one) => one.name === port);
  switch (part['type'] ?? typeOf(placed)) {
    case 'linux-bridge':
      layBridge(placed, (port, field) => mustExist(placed, port, field, known));
      break;
    case 'ovs-bridge':
      layOvsBridge(placed, (port, field) => mustExist(placed, port, field, known));
      break;
    case 'ethernet':
    case 'veth':
    case 'ovs-interface':
      mustExist(placed, name, `${placed.field}.name`, known);
      layLink(placed, { type: 'nic' });
      break;
    default:
      layLink(placed, undefined);
  }
  layAddresses(placed);
}

/** nmstate keeps the type of an interface that is there already. */
function typeOf({ view, name, draft }: Placed): string {
  if (draft.ovsBridge(name) !== undefined) {
    return draft.ovsBridge(name)?.replaces ?? 'ovs-bridge';
  }
  const kind = view.interfaces.find((one) => one.name === name)?.kind;
  return kind === 'bridge' ? 'linux-bridge' : 'ethernet';
}

function mustExist({ view }: Placed, name: string, field: string, known: (name: string) => boolean): void {
  if (known(name)) {
    return;
  }
  const nics = view.interfaces
    .filter(({ kind }) => kind === 'ether' || kind === 'veth')
    .map((one) => one.name);
  const near = nearest(name, nics);
  throw new PatchbayError(
    'InterfaceNotFound',
    `${field}: node ${view.nodeName} has no interface "${name}"${near === undefined ? '' : ` (did you mean "${near}"?)`}; it has ${nics.toSorted().join(', ')}. Correct the name, or narrow spec.nodeSelector to nodes that have it`,
    { retryable: false },
  );
}

function layRoutes(state: Part, draft: NetworkDraft): void {
  for (const { part, field } of entriesOf(partOf(state, 'routes'), 'config', `${root}.routes`)) {
    const link = part['next-hop-interface'];
    const destination = part['destination'];
    if (part['state'] === 'absent') {
      draft.removeRoutes(
        (route) =>
          (link === undefined || route.link === link) &&
          (destination === undefined || route.destination === normalDestination(String(destination))),
      );
      continue;
    }
    if (typeof link !== 'string' || typeof destination !== 'string') {
      throw invalidState(field, 'a route needs destination and next-hop-interface');
    }
    const via = part['next-hop-address'];
    const metric = part['metric'];
    draft.put({
      kind: 'route',
      netns: NODE,
      destination: normalDestination(destination),
      link,
      ...(typeof via === 'string' && via !== '' && { via }),
      ...(typeof metric === 'number' && metric >= 0 && { metric }),
    });
  }
}

/** The kernel calls 0.0.0.0/0 `default`. */
function normalDestination(destination: string): string {
  return destination === '0.0.0.0/0' ? 'default' : destination;
}

function layMappings(state: Part, draft: NetworkDraft): void {
  const entries = entriesOf(partOf(state, 'ovn'), 'bridge-mappings', `${root}.ovn`);
  if (entries.length === 0) {
    return;
  }
  const mappings = new Map(Object.entries(draft.mappings()));
  for (const { part } of entries) {
    const localnet = String(part['localnet'] ?? '');
    if (part['state'] === 'absent') {
      mappings.delete(localnet);
    } else {
      mappings.set(localnet, String(part['bridge']));
    }
  }
  draft.put({ kind: 'ovs-mappings', mappings: Object.fromEntries(mappings) });
}

function refuseResolver(state: Part): void {
  if (Object.keys(partOf(partOf(state, 'dns-resolver'), 'config')).length > 0) {
    throw invalidState(
      `${root}.dns-resolver.config`,
      "name servers of a node are not managed here; write them to the node's /etc/resolv.conf and drop this part",
    );
  }
}
