/** Rules for how an interface meets its network. KubeVirt pkg/network/admitter/{binding,passt,discontinued}.go. */
import { invalid, required } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import type { VmiInterface } from '../interface.ts';
import { parseMac } from './mac-address.ts';
import { type PlacedInterface, placedInterfaces, type SpecRule } from './rule.ts';

const METHODS = ['bridge', 'masquerade', 'sriov', 'passtBinding', 'binding'] as const;
const DISCONTINUED = ['slirp', 'passt', 'macvtap'] as const;
const ALLOWED =
  'bridge: {}, masquerade: {} (pod network), sriov: {}, passtBinding: {} (pod network) or binding: {name: …}';

/** MAC of the bridge in the launcher pod. */
const IN_POD_BRIDGE_MAC = '02:00:00:00:00:00';

/** The binding methods an interface names. */
function bindingMethodsOf(vmiInterface: VmiInterface): readonly (typeof METHODS)[number][] {
  return METHODS.filter((method) => vmiInterface[method] !== undefined);
}

export const interfaceBindings: SpecRule = (spec, path) =>
  placedInterfaces(spec, path).flatMap((placed) => [
    ...exactlyOneCauses(placed),
    ...masqueradeCauses(placed),
    ...bridgeCauses(placed),
    ...passtCauses(placed),
  ]);

/** slirp, passt and macvtap are gone since KubeVirt 1.3. */
export const discontinuedBindings: SpecRule = (spec, path) =>
  placedInterfaces(spec, path).flatMap(({ interface: vmiInterface, field }) =>
    DISCONTINUED.filter((method) => vmiInterface[method] !== undefined).map((method) =>
      invalid(
        `${field}.${method}`,
        {},
        `the ${method} binding has been discontinued since v1.3; use ${method === 'passt' ? 'passtBinding: {}' : method === 'slirp' ? 'masquerade: {}' : 'binding: {name: macvtap} with the plug-in registered'}`,
      ),
    ),
  );

function exactlyOneCauses({ interface: vmiInterface, field }: PlacedInterface): readonly Cause[] {
  const methods = bindingMethodsOf(vmiInterface);
  const gone = DISCONTINUED.some((method) => vmiInterface[method] !== undefined);
  if (methods.length === 1) {
    return vmiInterface.binding?.name === ''
      ? [required(`${field}.binding.name`, 'name the binding plug-in')]
      : [];
  }
  if (methods.length === 0 && gone) return [];
  const has = methods.length === 0 ? 'none' : methods.join(' and ');
  return [
    invalid(
      field,
      vmiInterface.name,
      `the interface must have exactly one binding method or binding plugin, has ${has}; keep or add one of ${ALLOWED}`,
    ),
  ];
}

function masqueradeCauses({
  interface: { name, masquerade, macAddress },
  field,
  network,
}: PlacedInterface): readonly Cause[] {
  if (masquerade === undefined) return [];
  const causes: Cause[] = [];
  if (network !== undefined && network.pod === undefined) {
    causes.push(
      invalid(
        `${field}.name`,
        name,
        'masquerade is only possible on the pod network; use bridge: {} on this network',
      ),
    );
  }
  if (macAddress !== undefined && parseMac(macAddress)?.text === IN_POD_BRIDGE_MAC) {
    causes.push(
      invalid(
        `${field}.macAddress`,
        macAddress,
        'this address is reserved for the bridge in the launcher pod; choose another, such as 02:00:00:00:00:01, or leave it out',
      ),
    );
  }
  return causes;
}

/** As the HyperConverged operator configures it: `permitBridgeInterfaceOnPodNetwork: false`. */
function bridgeCauses({ interface: { name, bridge }, field, network }: PlacedInterface): readonly Cause[] {
  if (bridge === undefined || network?.pod === undefined) return [];
  return [
    invalid(
      `${field}.name`,
      name,
      'the bridge binding is not enabled on the pod network: it would take the address of the pod away and prevent live migration; use masquerade: {}',
    ),
  ];
}

function passtCauses({
  interface: { name, passtBinding },
  field,
  network,
}: PlacedInterface): readonly Cause[] {
  if (passtBinding === undefined || network === undefined || network.pod !== undefined) return [];
  return [
    invalid(
      `${field}.name`,
      name,
      'passtBinding is only possible on the pod network; use bridge: {} on this network',
    ),
  ];
}
