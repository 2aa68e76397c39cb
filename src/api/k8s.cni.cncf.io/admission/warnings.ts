/** What would show only when a virtual machine is attached. */
import { nearest } from '../../cause.ts';
import { node } from '../../core/node.ts';
import type { AdmissionRequest } from '../../kind.ts';
import type { KubeObject, ObjectMeta } from '../../meta.ts';
import { interfacesOf } from '../../nmstate.io/admission/desired-state.ts';
import { nodeNetworkConfigurationPolicy } from '../../nmstate.io/node-network-configuration-policy.ts';
import { nodeNetworkState } from '../../nmstate.io/node-network-state.ts';
import { ovnType } from '../ovn-network.ts';
import { BRIDGE_RESOURCE, RESOURCE_NAME } from './annotations.ts';
import { hasIpam, isObject, type PluginConfig } from './config-fields.ts';
import { type PlacedPlugin, pluginsOf, unknownKeys } from './definition-config.ts';
import { readJson } from './json-text.ts';
import { unreadKeys } from './ovn-config.ts';

type View = Pick<AdmissionRequest<KubeObject>, 'lookup' | 'list'>;

/** Warnings about a definition that is otherwise good. */
export function warnAboutDefinition(text: string, metadata: ObjectMeta, view: View): readonly string[] {
  const reading = readJson(text);
  if (reading.kind === 'broken' || !isObject(reading.value)) return [];
  return pluginsOf(reading.value).flatMap((plugin) => [
    ...unknownKeyWarnings(plugin),
    ...unreadKeyWarnings(plugin),
    ...ipamWarnings(plugin),
    ...bridgeWarnings(plugin, metadata, view),
    ...virtualMachineWarnings(plugin),
  ]);
}

function unknownKeyWarnings(plugin: PlacedPlugin): readonly string[] {
  return unknownKeys(plugin).map(({ field, key, known }) => {
    const near = nearest(key, known);
    const hint =
      near === undefined ? 'check its spelling or remove it' : `did you mean ${JSON.stringify(near)}?`;
    return `${field}: the plug-in ${String(plugin.config['type'])} does not read this key; ${hint}`;
  });
}

function unreadKeyWarnings({ config, field }: PlacedPlugin): readonly string[] {
  const found = config['type'] === ovnType ? unreadKeys.filter((key) => config[key] !== undefined) : [];
  return found.map(
    (key) =>
      `${field}.${key}: not implemented here: networks go over Geneve, and out behind addresses of the nodes; remove it`,
  );
}

function ipamWarnings({ config, field }: PlacedPlugin): readonly string[] {
  return isBridge(config) && hasIpam(config)
    ? [
        `${field}.ipam: address management in a bridge definition is not supported for virtual machines; remove it and set addresses in the guest (cloud-init networkData) or by DHCP`,
      ]
    : [];
}

function virtualMachineWarnings({ config, field }: PlacedPlugin): readonly string[] {
  return config['type'] === 'macvlan' || config['type'] === 'ipvlan'
    ? [
        `${field}.type: ${config['type']} lets only its own MAC address pass, so virtual machines cannot be attached with the bridge binding; use type bridge for them`,
      ]
    : [];
}

function isBridge({ type }: PluginConfig): boolean {
  return type === 'bridge' || type === 'cnv-bridge';
}

function bridgeWarnings(
  { config, field }: PlacedPlugin,
  metadata: ObjectMeta,
  view: View,
): readonly string[] {
  if (!isBridge(config)) return [];
  const bridge = config['bridge'];
  if (typeof bridge !== 'string') {
    return [`${field}.bridge: not given, so it is "cni0"; name the bridge of the node, such as br1`];
  }
  return [...resourceMismatch(bridge, field, metadata), ...absentBridge(bridge, field, view)];
}

function resourceMismatch(bridge: string, field: string, { annotations }: ObjectMeta): readonly string[] {
  const resource = annotations?.[RESOURCE_NAME];
  if (
    resource === undefined ||
    !resource.startsWith(BRIDGE_RESOURCE) ||
    resource === BRIDGE_RESOURCE + bridge
  )
    return [];
  return [
    `metadata.annotations[${RESOURCE_NAME}]: ${resource} asks for nodes with another bridge than ${field}.bridge, ${bridge}; write ${BRIDGE_RESOURCE}${bridge}`,
  ];
}

function absentBridge(bridge: string, field: string, view: View): readonly string[] {
  if (view.list(node).length === 0) return [];
  const there = bridgesOnNodes(view);
  if (there.includes(bridge) || plannedBridges(view).includes(bridge)) return [];
  const near = nearest(bridge, [...there, ...plannedBridges(view)]);
  const exist = there.length === 0 ? 'no node has a bridge' : `bridges on nodes: ${there.join(', ')}`;
  const hint = near === undefined ? '' : ` Did you mean ${JSON.stringify(near)}?`;
  return [
    `${field}.bridge: no node has a bridge ${JSON.stringify(bridge)} (${exist}).${hint} ` +
      'Virtual machines on this network are not started until a NodeNetworkConfigurationPolicy makes it',
  ];
}

function bridgesOnNodes(view: View): readonly string[] {
  const fromState = view.list(nodeNetworkState).flatMap((state) =>
    interfacesOf((state as { status?: { currentState?: unknown } }).status?.currentState)
      .filter(({ type }) => type === 'linux-bridge' || type === 'ovs-bridge')
      .flatMap(({ name }) => (typeof name === 'string' ? [name] : [])),
  );
  const fromResources = view.list(node).flatMap((one) =>
    Object.keys((one as { status?: { capacity?: object } }).status?.capacity ?? {})
      .filter((key) => key.startsWith(BRIDGE_RESOURCE))
      .map((key) => key.slice(BRIDGE_RESOURCE.length)),
  );
  return [...new Set([...fromState, ...fromResources])].sort();
}

/** Bridges that a policy makes, on nodes that may not be there yet. */
function plannedBridges(view: View): readonly string[] {
  return view.list(nodeNetworkConfigurationPolicy).flatMap((policy) =>
    interfacesOf((policy as { spec?: { desiredState?: unknown } }).spec?.desiredState)
      .filter(({ state, type }) => state !== 'absent' && (type === 'linux-bridge' || type === 'ovs-bridge'))
      .flatMap(({ name }) => (typeof name === 'string' ? [name] : [])),
  );
}
