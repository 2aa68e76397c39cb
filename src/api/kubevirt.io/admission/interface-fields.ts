/** Rules for single fields of an interface. KubeVirt pkg/network/admitter/netiface.go. */
import { invalid, notSupported } from '../../cause.ts';
import { interfaceModels } from '../interface.ts';
import { placedInterfaces, type SpecRule } from './rule.ts';

/** Names are letters, digits, dashes and underscores. */
export const interfaceNameFormat: SpecRule = (spec, path) =>
  placedInterfaces(spec, path).flatMap(({ interface: { name }, field }) =>
    /^[A-Za-z0-9-_]+$/.test(name)
      ? []
      : [
          invalid(
            `${field}.name`,
            name,
            'a network interface name can only contain letters, digits, dashes (-) or underscores (_); rename it and its network',
          ),
        ],
  );

export const interfaceModelsKnown: SpecRule = (spec, path) =>
  placedInterfaces(spec, path).flatMap(({ interface: { model }, field }) =>
    model === undefined || model === '' || (interfaceModels as readonly string[]).includes(model)
      ? []
      : [notSupported(`${field}.model`, model, interfaceModels)],
  );

/** Whether text is a PCI address: domain:bus:slot.function. */
export function isPciAddress(text: string): boolean {
  return /^[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/i.test(text);
}

export const interfacePciAddresses: SpecRule = (spec, path) =>
  placedInterfaces(spec, path).flatMap(({ interface: { pciAddress }, field }) =>
    pciAddress === undefined || pciAddress === '' || isPciAddress(pciAddress)
      ? []
      : [
          invalid(
            `${field}.pciAddress`,
            pciAddress,
            'malformed PCI address; write domain:bus:slot.function in hexadecimal, such as 0000:07:00.0, slot 00 to 1f',
          ),
        ],
  );
