/** Rules for `interfaces[].ports` and `portRanges`. KubeVirt pkg/network/admitter/netiface.go. */
import { duplicate, forbidden, invalid, notSupported, required } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import type { VmiInterface } from '../interface.ts';
import { forEachRepeat, placedInterfaces, type SpecRule } from './rule.ts';

type Port = NonNullable<VmiInterface['ports']>[number];
type PortRange = NonNullable<VmiInterface['portRanges']>[number];

const MAX_RANGES = 10;
const PROTOCOLS = ['TCP', 'UDP'];

export const interfacePorts: SpecRule = (spec, path) =>
  placedInterfaces(spec, path).flatMap(({ interface: { ports = [] }, field }) => [
    ...ports.flatMap((port, index) => portCauses(port, `${field}.ports[${index}]`)),
    ...repeatedNameCauses(ports, `${field}.ports`),
  ]);

function portCauses({ name, protocol, port }: Port, field: string): readonly Cause[] {
  const causes: Cause[] = [];
  const problem = name === undefined || name === '' ? undefined : portNameProblem(name);
  if (problem !== undefined) causes.push(invalid(`${field}.name`, name, problem));
  if (port === 0) {
    causes.push(
      required(`${field}.port`, 'must be given, from 1 to 65535; leave the list of ports out to open all'),
    );
  } else if (port < 0 || port > 65535) {
    causes.push(invalid(`${field}.port`, port, 'must be in the range 0 < port < 65536'));
  }
  if (protocol !== undefined && protocol !== '' && !PROTOCOLS.includes(protocol)) {
    causes.push(notSupported(`${field}.protocol`, protocol, PROTOCOLS));
  }
  return causes;
}

function repeatedNameCauses(ports: readonly Port[], field: string): readonly Cause[] {
  const causes: Cause[] = [];
  forEachRepeat(
    ports,
    ({ name }) => (name === '' ? undefined : name),
    (index, first) =>
      causes.push(
        duplicate(
          `${field}[${index}].name`,
          ports[index]?.name,
          `${field}[${first}] has the same name; rename or remove one of the two`,
        ),
      ),
  );
  return causes;
}

/** What is wrong with the name of a port (IANA service name, RFC 6335), or nothing. */
function portNameProblem(name: string): string | undefined {
  if (name.length > 15) return `must be no more than 15 characters, has ${name.length}`;
  if (!/^[a-z0-9-]+$/.test(name)) return "must contain only lower case letters, digits and '-'";
  if (!/[a-z]/.test(name)) return 'must contain at least one letter';
  if (name.includes('--')) return "must not contain '--'";
  return name.startsWith('-') || name.endsWith('-') ? "must not begin or end with '-'" : undefined;
}

export const interfacePortRanges: SpecRule = (spec, path) =>
  placedInterfaces(spec, path).flatMap(({ interface: vmiInterface, field, network }) => {
    const { ports, portRanges, masquerade } = vmiInterface;
    if (portRanges === undefined) return [];
    const at = `${field}.portRanges`;
    const causes: Cause[] = [];
    if (ports !== undefined)
      causes.push(forbidden(at, 'ports and portRanges exclude each other; keep one of the two'));
    if (masquerade === undefined || (network !== undefined && network.pod === undefined)) {
      causes.push(
        forbidden(at, 'portRanges are only supported with masquerade on the pod network; remove them'),
      );
    }
    if (portRanges.length > MAX_RANGES) {
      return [
        ...causes,
        invalid(at, portRanges.length, `no more than ${MAX_RANGES} portRanges are allowed; join some`),
      ];
    }
    return [
      ...causes,
      ...portRanges.flatMap((range, index) => rangeCauses(range, `${at}[${index}]`)),
      ...overlapCauses(portRanges, at),
    ];
  });

function rangeCauses({ protocol, start, end }: PortRange, field: string): readonly Cause[] {
  if (!PROTOCOLS.includes(protocol)) return [notSupported(`${field}.protocol`, protocol, PROTOCOLS)];
  if (start <= 0 || start > 65535)
    return [invalid(`${field}.start`, start, 'must be in the range 0 < port < 65536')];
  if (end <= 0 || end > 65535) return [invalid(`${field}.end`, end, 'must be in the range 0 < port < 65536')];
  return start > end ? [invalid(`${field}.start`, start, `must be less than or equal to end, ${end}`)] : [];
}

function overlapCauses(ranges: readonly PortRange[], field: string): readonly Cause[] {
  return ranges.flatMap((range, index) =>
    ranges
      .slice(0, index)
      .flatMap((other, before) =>
        other.protocol === range.protocol && other.start <= range.end && range.start <= other.end
          ? [
              invalid(
                `${field}[${index}]`,
                `${range.start}-${range.end}`,
                `overlaps ${range.protocol} ${other.start}-${other.end} of ${field}[${before}]; join or part them`,
              ),
            ]
          : [],
      ),
  );
}
