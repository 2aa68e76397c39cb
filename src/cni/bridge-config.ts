/** Fields of a bridge plug-in's configuration. */
import type { Cause } from '#api/meta.ts';
import { type CniConfig, integerField, isRecord } from './config.ts';
import { validateIpam } from './ipam.ts';

const booleans = [
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
] as const;

/** What makes the node a router for the pod; not done here, so it is refused instead of ignored. */
const unsupported = ['isGateway', 'isDefaultGateway', 'ipMasq', 'promiscMode'] as const;

/** A range of VLANs. */
export interface VlanRange {
  readonly min: number;
  readonly max: number;
}

/** Checks the configuration. */
export function validateBridge(config: CniConfig, field: string): readonly Cause[] {
  return [
    ...validateName(config, field),
    ...validateNumbers(config, field),
    ...validateFlags(config, field),
    ...validateTrunk(config, field),
    ...validateIpam(config, field),
  ];
}

function validateName(config: CniConfig, field: string): readonly Cause[] {
  const bridge = config['bridge'];
  if (bridge === undefined || (typeof bridge === 'string' && /^[^\s/:]{1,15}$/.test(bridge))) {
    return [];
  }
  return [
    invalid(
      `${field}.bridge`,
      bridge,
      'is no name of a bridge; allowed are 1 to 15 characters without blanks, "/" and ":"',
    ),
  ];
}

function validateNumbers(config: CniConfig, field: string): readonly Cause[] {
  const causes: Cause[] = [];
  if (config['vlan'] !== undefined && integerField(config, 'vlan', 0, 4094) === undefined) {
    causes.push(
      invalid(`${field}.vlan`, config['vlan'], 'is no VLAN; allowed are whole numbers from 0 (none) to 4094'),
    );
  }
  if (
    config['mtu'] !== undefined &&
    config['mtu'] !== 0 &&
    integerField(config, 'mtu', 68, 65535) === undefined
  ) {
    causes.push(
      invalid(
        `${field}.mtu`,
        config['mtu'],
        'is no MTU; allowed are 68 to 65535, or 0 for that of the bridge',
      ),
    );
  }
  return causes;
}

function validateFlags(config: CniConfig, field: string): readonly Cause[] {
  const wrongType = booleans.filter((key) => config[key] !== undefined && typeof config[key] !== 'boolean');
  const refused = unsupported.filter((key) => config[key] === true);
  return [
    ...wrongType.map((key) =>
      invalid(`${field}.${key}`, config[key], 'must be true or false, without quotes'),
    ),
    ...refused.map((key) =>
      invalid(`${field}.${key}`, true, 'is not supported on networks of virtual machines; leave it out'),
    ),
  ];
}

function validateTrunk(config: CniConfig, field: string): readonly Cause[] {
  const trunk = config['vlanTrunk'];
  if (trunk === undefined) {
    return [];
  }
  if (integerField(config, 'vlan', 1, 4094) !== undefined) {
    return [invalid(`${field}.vlanTrunk`, trunk, 'excludes "vlan"; keep one of them')];
  }
  const entries = Array.isArray(trunk) ? trunk : [undefined];
  return entries.flatMap((entry, index) =>
    rangeOf(entry) === undefined
      ? [
          invalid(
            `${field}.vlanTrunk[${index}]`,
            entry,
            'must be {"id": N} or {"minID": N, "maxID": M} with 1 to 4094',
          ),
        ]
      : [],
  );
}

/** The VLANs of `vlanTrunk`; entries that are none are left out (validation names them). */
export function vlanTrunkOf(config: CniConfig): readonly VlanRange[] {
  const trunk = config['vlanTrunk'];
  return Array.isArray(trunk) ? trunk.flatMap((entry: unknown) => rangeOf(entry) ?? []) : [];
}

function rangeOf(entry: unknown): VlanRange | undefined {
  if (!isRecord(entry)) {
    return undefined;
  }
  const id = integerField(entry, 'id', 1, 4094);
  if (id !== undefined) {
    return { min: id, max: id };
  }
  const min = integerField(entry, 'minID', 1, 4094);
  const max = integerField(entry, 'maxID', 1, 4094);
  return min === undefined || max === undefined || max < min ? undefined : { min, max };
}

function invalid(field: string, value: unknown, why: string): Cause {
  return { type: 'FieldValueInvalid', field, value, message: `${JSON.stringify(value)} ${why}` };
}
