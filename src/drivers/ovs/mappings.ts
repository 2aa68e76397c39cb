/** `ovn-bridge-mappings`: one string in the database, of which some entries are ours and some are others'. */
import { refusal } from './refusal.ts';
import { formatMappings, MAPPINGS, OUR_MAPPINGS, parseMappings } from './view.ts';

type Mappings = Readonly<Record<string, string>>;

/**
 * External ids that hold what others mapped and what we want; what we mapped before and no longer want goes.
 * @param ids external ids of the Open_vSwitch row
 * @param before what we asked for last, when the row does not say it yet
 * @throws PatchbayError `InvalidMapping` for names that the string cannot hold, `ForeignMapping` when others map a network of ours to another bridge
 */
export function composeMappings(ids: Mappings, before: Mappings | undefined, wanted: Mappings): Mappings {
  const ours = before ?? parseMappings(ids[OUR_MAPPINGS] ?? '');
  const others = Object.entries(parseMappings(ids[MAPPINGS] ?? '')).filter(
    ([network]) => ours[network] === undefined,
  );
  for (const [network, bridge] of Object.entries(wanted)) {
    if (!/^[^\s,:]+$/.test(network) || !/^[^\s,:]+$/.test(bridge)) {
      throw refusal(
        'InvalidMapping',
        `"${network}" cannot be mapped to bridge "${bridge}"`,
        'names must not be empty or hold a comma, a colon or white space',
      );
    }
  }
  for (const [network, bridge] of others) {
    const asked = wanted[network];
    if (asked !== undefined && asked !== bridge) {
      throw refusal(
        'ForeignMapping',
        `physical network ${network} is mapped to ${bridge} by the node's set-up, and ${asked} is wanted`,
        `remove it from external_ids:${MAPPINGS} of Open_vSwitch`,
      );
    }
  }
  const next = {
    [MAPPINGS]: formatMappings({ ...Object.fromEntries(others), ...wanted }),
    [OUR_MAPPINGS]: formatMappings(wanted),
  };
  return Object.fromEntries(Object.entries(next).filter(([, text]) => text !== ''));
}
