/** Fields of the CNI types that hand out a device of the node: macvlan, ipvlan, host-device, sriov, vlan. */
import { forbidden, invalid, required } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import {
  booleanField,
  integerField,
  interfaceField,
  mtuField,
  type PluginConfig,
  wordField,
} from './config-fields.ts';

export const macvlanKeys = ['master', 'mode', 'mtu', 'mac', 'linkInContainer', 'bcqueuelen'];
export const ipvlanKeys = ['master', 'mode', 'mtu', 'linkInContainer'];
export const hostDeviceKeys = ['device', 'hwaddr', 'kernelpath', 'pciBusID', 'deviceID'];
export const vlanKeys = ['master', 'vlanId', 'mtu', 'linkInContainer'];
export const sriovKeys = [
  'deviceID',
  'vlan',
  'vlanQoS',
  'vlanProto',
  'mac',
  'spoofchk',
  'trust',
  'link_state',
  'min_tx_rate',
  'max_tx_rate',
  'logLevel',
  'logFile',
];

export function validateMacvlanConfig(config: PluginConfig, field: string): readonly Cause[] {
  return [
    ...interfaceField(config, 'master', field),
    ...wordField(config, 'mode', field, ['bridge', 'private', 'vepa', 'passthru']),
    ...mtuField(config, field),
    ...booleanField(config, 'linkInContainer', field),
  ];
}

export function validateIpvlanConfig(config: PluginConfig, field: string): readonly Cause[] {
  return [
    ...interfaceField(config, 'master', field),
    ...wordField(config, 'mode', field, ['l2', 'l3', 'l3s']),
    ...mtuField(config, field),
    ...booleanField(config, 'linkInContainer', field),
  ];
}

export function validateVlanConfig(config: PluginConfig, field: string): readonly Cause[] {
  return [
    ...(config['master'] === undefined
      ? [required(`${field}.master`, 'name the interface the VLAN is on')]
      : []),
    ...interfaceField(config, 'master', field),
    ...integerField(config, 'vlanId', field, [1, 4094]),
    ...mtuField(config, field),
    ...booleanField(config, 'linkInContainer', field),
  ];
}

/** @param fromResource whether a device plug-in hands the device in (resourceName annotation). */
export function validateHostDeviceConfig(
  config: PluginConfig,
  field: string,
  fromResource: boolean,
): readonly Cause[] {
  const given = ['device', 'hwaddr', 'kernelpath', 'pciBusID'].filter((key) => config[key] !== undefined);
  if (given.length === 1) return interfaceField(config, 'device', field);
  if (given.length === 0) {
    return fromResource
      ? []
      : [required(`${field}.device`, 'must be given, or one of hwaddr, kernelpath and pciBusID')];
  }
  return [
    forbidden(
      field,
      `only one of device, hwaddr, kernelpath and pciBusID, has ${given.join(' and ')}; keep one`,
    ),
  ];
}

export function validateSriovConfig(config: PluginConfig, field: string): readonly Cause[] {
  const qosAlone = typeof config['vlanQoS'] === 'number' && config['vlanQoS'] !== 0 && !config['vlan'];
  return [
    ...integerField(config, 'vlan', field, [0, 4094]),
    ...integerField(config, 'vlanQoS', field, [0, 7]),
    ...(qosAlone
      ? [invalid(`${field}.vlanQoS`, config['vlanQoS'], 'needs a vlan other than 0; set vlan or remove it')]
      : []),
    ...wordField(config, 'vlanProto', field, ['802.1q', '802.1Q', '802.1ad']),
    ...wordField(config, 'spoofchk', field, ['on', 'off']),
    ...wordField(config, 'trust', field, ['on', 'off']),
    ...wordField(config, 'link_state', field, ['auto', 'enable', 'disable']),
    ...integerField(config, 'min_tx_rate', field, [0, 1_000_000]),
    ...integerField(config, 'max_tx_rate', field, [0, 1_000_000]),
  ];
}
