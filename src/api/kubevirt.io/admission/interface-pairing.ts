/** Rules that join interfaces and networks. KubeVirt pkg/network/admitter/netiface.go. */
import { duplicate, invalid, nearest, required } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import { forEachRepeat, placedInterfaces, type SpecRule } from './rule.ts';

/** Every network has an interface. */
export const networksHaveInterfaces: SpecRule = (spec, path) => {
  const names = (spec.domain.devices.interfaces ?? []).map(({ name }) => name);
  return (spec.networks ?? []).flatMap(({ name }, index) =>
    names.includes(name)
      ? []
      : [
          required(
            `${path}.networks[${index}].name`,
            `${JSON.stringify(name)} not found among ${path}.domain.devices.interfaces${suggestion(name, names)}; add an interface of this name, or remove the network`,
          ),
        ],
  );
};

/** Interface names are unique. */
export const uniqueInterfaceNames: SpecRule = (spec, path) => {
  const causes: Cause[] = [];
  const placed = placedInterfaces(spec, path);
  forEachRepeat(
    placed,
    ({ interface: { name } }) => name,
    (index, first) =>
      causes.push(
        duplicate(
          `${placed[index]?.field}.name`,
          placed[index]?.interface.name,
          `only one interface can be connected to one specific network, and ${placed[first]?.field} has the same name; give this one a network of its own`,
        ),
      ),
  );
  return causes;
};

/** Every interface has a network. */
export const interfacesHaveNetworks: SpecRule = (spec, path) => {
  const names = (spec.networks ?? []).map(({ name }) => name);
  return placedInterfaces(spec, path).flatMap(({ interface: { name }, field, network }) =>
    network !== undefined
      ? []
      : [
          invalid(
            `${field}.name`,
            name,
            `not found among ${path}.networks${suggestion(name, names)}; add a network of this name, with pod: {} or multus: {networkName: …}, or remove the interface`,
          ),
        ],
  );
};

function suggestion(name: string, names: readonly string[]): string {
  if (names.length === 0) return ' (there are none)';
  const near = nearest(name, names);
  return near === undefined ? ` (${names.join(', ')})` : ` (did you mean ${JSON.stringify(near)}?)`;
}
