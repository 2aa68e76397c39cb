/** CNI plug-in types a definition may name: nothing else is ever looked for on a node. */
import type { Cause } from '../../meta.ts';
import { bridgeKeys, validateBridgeConfig } from './bridge-config.ts';
import type { PluginConfig } from './config-fields.ts';
import {
  hostDeviceKeys,
  ipvlanKeys,
  macvlanKeys,
  sriovKeys,
  validateHostDeviceConfig,
  validateIpvlanConfig,
  validateMacvlanConfig,
  validateSriovConfig,
  validateVlanConfig,
  vlanKeys,
} from './device-configs.ts';
import { ovnKeys, validateOvnConfig } from './ovn-config.ts';

/** What a check of a configuration knows of its definition. */
export interface DefinitionView {
  /** `<namespace>/<name>` of the definition. */
  readonly own: string;
  /** Whether it has a resourceName annotation. */
  readonly hasResource: boolean;
}

interface ConfigRules {
  /** Keys besides those every type has; unknown ones are warned about. */
  readonly keys: readonly string[];
  validate(config: PluginConfig, field: string, definition: DefinitionView): readonly Cause[];
}

/** Keys every configuration may have. */
export const commonKeys = [
  'cniVersion',
  'cniVersions',
  'name',
  'type',
  'ipam',
  'dns',
  'args',
  'capabilities',
  'runtimeConfig',
  'prevResult',
  'disableCheck',
  'disableGC',
];

const bridge: ConfigRules = { keys: bridgeKeys, validate: validateBridgeConfig };

/** Types with rules of their own. */
export const configRules: Readonly<Record<string, ConfigRules>> = {
  bridge,
  'cnv-bridge': bridge,
  'ovn-k8s-cni-overlay': {
    keys: ovnKeys,
    validate: (config, field, { own }) => validateOvnConfig(config, field, own),
  },
  macvlan: { keys: macvlanKeys, validate: validateMacvlanConfig },
  ipvlan: { keys: ipvlanKeys, validate: validateIpvlanConfig },
  vlan: { keys: vlanKeys, validate: validateVlanConfig },
  'host-device': {
    keys: hostDeviceKeys,
    validate: (config, field, { hasResource }) => validateHostDeviceConfig(config, field, hasResource),
  },
  sriov: { keys: sriovKeys, validate: validateSriovConfig },
};

/** Every type that may be named. */
export const knownTypes: readonly string[] = [
  ...Object.keys(configRules),
  'bandwidth',
  'bond',
  'cni-passt-binding-plugin',
  'cnv-tuning',
  'dummy',
  'firewall',
  'ib-sriov',
  'loopback',
  'macvtap',
  'network-passt-binding',
  'ovs',
  'passt-binding-cni',
  'portmap',
  'ptp',
  'rdma',
  'route-override',
  'sbr',
  'tap',
  'tuning',
  'vrf',
];
