/** NetworkAttachmentDefinitions as segments. Pure. */
import { isObject } from '#api/k8s.cni.cncf.io/admission/config-fields.ts';
import { pluginsOf } from '#api/k8s.cni.cncf.io/admission/definition-config.ts';
import { readJson } from '#api/k8s.cni.cncf.io/admission/json-text.ts';
import type { NetworkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import { type OvnNetwork, ovnNetworkOfText } from '#api/k8s.cni.cncf.io/ovn-network.ts';
import type { NodeBridges } from './bridges.ts';
import type { Segment } from './segment.ts';

/** Networks by definition. */
export interface Networks {
  /** The segment of a definition (`<namespace>/<name>`) at a node. */
  segment(definition: string, node: string): Segment;
}

/** The default network, or what is left of it beside a primary one. */
export function defaultSegment(isLocked: boolean): Segment {
  return {
    label: 'default',
    kind: isLocked ? 'locked' : 'default',
    key: 'default',
    hasWayOut: true,
    subnets: [],
    vlan: 0,
  };
}

/** Reads the definitions. */
export function openNetworks(
  definitions: readonly NetworkAttachmentDefinition[],
  bridges: ReadonlyMap<string, NodeBridges>,
): Networks {
  const texts = new Map(
    definitions.map(({ metadata, spec }) => [`${metadata.namespace ?? ''}/${metadata.name}`, spec?.config]),
  );
  return {
    segment(definition, node) {
      const text = texts.get(definition);
      const network = ovnNetworkOfText(text);
      return network === undefined
        ? bridgeSegment(definition, text, bridges.get(node))
        : ovnSegment(definition, network, bridges.get(node));
    },
  };
}

function ovnSegment(label: string, network: OvnNetwork, node: NodeBridges | undefined): Segment {
  const { name, topology, role, subnets, physicalNetwork, vlan = 0 } = network;
  const base = { label, subnets, hasWayOut: role === 'primary' };
  if (topology !== 'localnet') {
    return { ...base, kind: 'overlay', key: `ovn ${name}`, vlan: 0 };
  }
  const bridge = node?.mappings.get(physicalNetwork);
  return {
    ...base,
    kind: 'physical',
    key: `physical ${physicalNetwork} ${vlan}`,
    vlan,
    ...wireOf(bridge, node),
  };
}

function bridgeSegment(label: string, text: string | undefined, node: NodeBridges | undefined): Segment {
  const reading = readJson(text ?? '');
  const config =
    reading.kind === 'broken' || !isObject(reading.value) ? undefined : pluginsOf(reading.value)[0]?.config;
  if (config === undefined || (config['type'] !== 'bridge' && config['type'] !== 'cnv-bridge')) {
    return { label, kind: 'unknown', key: `unknown ${label}`, hasWayOut: false, subnets: [], vlan: 0 };
  }
  const bridge = config['bridge'];
  const vlan = typeof config['vlan'] === 'number' ? config['vlan'] : 0;
  return {
    label,
    kind: 'physical',
    key: `bridge ${String(bridge)} ${vlan}`,
    hasWayOut: false,
    subnets: [],
    vlan,
    ...wireOf(typeof bridge === 'string' ? bridge : undefined, node),
  };
}

function wireOf(bridge: string | undefined, node: NodeBridges | undefined): Pick<Segment, 'wire'> {
  const uplinks = bridge === undefined ? undefined : node?.uplinks.get(bridge);
  return bridge === undefined || uplinks === undefined ? {} : { wire: { bridge, uplinks } };
}
