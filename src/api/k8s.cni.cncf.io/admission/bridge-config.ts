/** Fields of the CNI types bridge and cnv-bridge. https://www.cni.dev/plugins/current/main/bridge/ */
import { forbidden, invalid } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import {
  booleanField,
  hasIpam,
  integerField,
  interfaceField,
  isObject,
  mtuField,
  type PluginConfig,
} from './config-fields.ts';

const FLAGS = [
  'isGateway',
  'isDefaultGateway',
  'forceAddress',
  'ipMasq',
  'hairpinMode',
  'promiscMode',
  'preserveDefaultVlan',
  'macspoofchk',
  'enabledad',
  'disableContainerInterface',
  'portIsolation',
];

export const bridgeKeys = ['bridge', 'vlan', 'vlanTrunk', 'mtu', 'ipMasqBackend', ...FLAGS];

const LAST_VLAN = 4094;

export function validateBridgeConfig(config: PluginConfig, field: string): readonly Cause[] {
  return [
    ...interfaceField(config, 'bridge', field),
    ...integerField(config, 'vlan', field, [0, LAST_VLAN]),
    ...trunkCauses(config, field),
    ...mtuField(config, field),
    ...FLAGS.flatMap((flag) => booleanField(config, flag, field)),
    ...(config['disableContainerInterface'] === true && hasIpam(config)
      ? [
          forbidden(
            `${field}.disableContainerInterface`,
            'cannot be together with ipam; remove one of the two',
          ),
        ]
      : []),
  ];
}

function trunkCauses(config: PluginConfig, field: string): readonly Cause[] {
  const trunk = config['vlanTrunk'];
  if (trunk === undefined) return [];
  const at = `${field}.vlanTrunk`;
  if (!Array.isArray(trunk)) {
    return [invalid(at, trunk, 'must be a list such as [{"id": 100}, {"minID": 200, "maxID": 299}]')];
  }
  const both = typeof config['vlan'] === 'number' && config['vlan'] !== 0;
  return [
    ...(both
      ? [
          forbidden(
            at,
            'vlan and vlanTrunk exclude each other: a port is either untagged in one VLAN or a trunk; keep one',
          ),
        ]
      : []),
    ...trunk.flatMap((entry: unknown, index) => trunkEntryCauses(entry, `${at}[${index}]`)),
  ];
}

function trunkEntryCauses(entry: unknown, field: string): readonly Cause[] {
  if (!isObject(entry)) return [invalid(field, entry, 'must be {"id": N} or {"minID": N, "maxID": M}')];
  const causes = ['id', 'minID', 'maxID'].flatMap((key) => integerField(entry, key, field, [0, LAST_VLAN]));
  if (causes.length > 0) return causes;
  const { id, minID, maxID } = entry;
  if ((minID === undefined) !== (maxID === undefined))
    return [invalid(field, entry, 'minID and maxID must be given together')];
  if (id === undefined && minID === undefined)
    return [invalid(field, entry, 'must have id, or minID and maxID')];
  return typeof minID === 'number' && typeof maxID === 'number' && minID > maxID
    ? [invalid(`${field}.minID`, minID, `must be less than or equal to maxID, ${maxID}`)]
    : [];
}
