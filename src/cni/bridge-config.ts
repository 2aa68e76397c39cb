/** Fields of a bridge plug-in's configuration. */
import { validateBridgeConfig } from '#api/k8s.cni.cncf.io/admission/bridge-config.ts';
import type { Cause } from '#api/meta.ts';
import { type CniConfig, integerField, isRecord } from './config.ts';
import { validateIpam } from './ipam.ts';

/** What makes the node a router for the pod; not done here, so it is refused instead of ignored. */
const unsupported = ['isGateway', 'isDefaultGateway', 'ipMasq', 'promiscMode'] as const;

/** A range of VLANs. */
export interface VlanRange {
  readonly min: number;
  readonly max: number;
}

/** What admission checks, and what this node does not do. A NAD may be older than the admission rules. */
export function validateBridge(config: CniConfig, field: string): readonly Cause[] {
  return [
    ...validateBridgeConfig(config, field),
    ...unsupported.flatMap((key) => (config[key] === true ? [refused(`${field}.${key}`)] : [])),
    ...validateIpam(config, field),
  ];
}

function refused(field: string): Cause {
  return {
    type: 'FieldValueInvalid',
    field,
    value: true,
    message: 'true is not supported on networks of virtual machines; leave it out',
  };
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
