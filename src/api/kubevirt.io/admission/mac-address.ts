/** Rules for `interfaces[].macAddress`. */
import { duplicate, invalid } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import { forEachRepeat, placedInterfaces, type SpecRule } from './rule.ts';

/** A hardware address, as it is written in the kernel. */
export interface MacAddress {
  /** Lower case with colons. */
  readonly text: string;
  readonly bytes: readonly number[];
}

/**
 * Reads a hardware address of any length: `de:ad:00:00:be:af`, `DE-AD-00-00-BE-AF`, `dead.0000.beaf`.
 * Nothing when it is malformed.
 */
export function parseMac(text: string): MacAddress | undefined {
  const pairs = /^[0-9a-f]{2}(?:([:-])[0-9a-f]{2})(?:\1[0-9a-f]{2})+$/i.test(text)
    ? text.split(/[:-]/)
    : /^[0-9a-f]{4}(?:\.[0-9a-f]{4})+$/i.test(text)
      ? (text.replaceAll('.', '').match(/../g) ?? [])
      : undefined;
  if (pairs === undefined || pairs.length < 6) return undefined;
  const bytes = pairs.map((pair) => Number.parseInt(pair, 16));
  return { text: pairs.map((pair) => pair.toLowerCase()).join(':'), bytes };
}

const EXAMPLE = 'six pairs of hexadecimal digits, such as 02:00:00:00:00:01';

/** Addresses are well formed, six bytes, and those of one card. */
export const macAddresses: SpecRule = (spec, path) =>
  placedInterfaces(spec, path).flatMap(({ interface: { macAddress }, field }) =>
    macAddress === undefined || macAddress === '' ? [] : macCauses(`${field}.macAddress`, macAddress),
  );

function macCauses(field: string, text: string): readonly Cause[] {
  const mac = parseMac(text);
  if (mac === undefined) {
    return [invalid(field, text, `malformed MAC address; write ${EXAMPLE}, or leave it out to get one`)];
  }
  if (mac.bytes.length > 6) {
    return [invalid(field, text, `too long MAC address, ${mac.bytes.length} bytes; write ${EXAMPLE}`)];
  }
  if (mac.bytes.every((byte) => byte === 0)) {
    return [
      invalid(field, text, 'the all-zero MAC address belongs to no card; choose another or leave it out'),
    ];
  }
  const [first = 0] = mac.bytes;
  if ((first & 1) === 1) {
    const unicast = (first & 0xfe).toString(16).padStart(2, '0');
    return [
      invalid(
        field,
        text,
        `a multicast address cannot be that of a card (the lowest bit of the first byte is set); begin with ${unicast}`,
      ),
    ];
  }
  return [];
}

/** No two cards of one virtual machine have the same address. */
export const uniqueMacAddresses: SpecRule = (spec, path) => {
  const causes: Cause[] = [];
  const placed = placedInterfaces(spec, path);
  forEachRepeat(
    placed,
    ({ interface: { macAddress } }) => (macAddress === undefined ? undefined : parseMac(macAddress)?.text),
    (index, first) =>
      causes.push(
        duplicate(
          `${placed[index]?.field}.macAddress`,
          placed[index]?.interface.macAddress,
          `duplicate MAC address found on interfaces: ${placed[first]?.interface.name} and ${placed[index]?.interface.name}; give each its own, or leave it out to get one`,
        ),
      ),
  );
  return causes;
};
