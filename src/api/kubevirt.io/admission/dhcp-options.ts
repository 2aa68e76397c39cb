/** Rules for `interfaces[].dhcpOptions`. KubeVirt pkg/network/admitter/netiface.go. */
import { isIPv4 } from 'node:net';
import { duplicate, invalid } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import { forEachRepeat, placedInterfaces, type SpecRule } from './rule.ts';

const FIRST = 224;
const LAST = 254;

export const interfaceDhcpOptions: SpecRule = (spec, path) =>
  placedInterfaces(spec, path).flatMap(({ interface: { dhcpOptions }, field }) => {
    const { privateOptions = [], ntpServers = [] } = dhcpOptions ?? {};
    const at = `${field}.dhcpOptions`;
    const causes: Cause[] = [];
    for (const [index, { option }] of privateOptions.entries()) {
      if (option < FIRST || option > LAST) {
        const detail = `must be in the range ${FIRST} to ${LAST}, which is set aside for private use`;
        causes.push(invalid(`${at}.privateOptions[${index}].option`, option, detail));
      }
    }
    forEachRepeat(
      privateOptions,
      ({ option }) => option,
      (index, first) =>
        causes.push(
          duplicate(
            `${at}.privateOptions[${index}].option`,
            privateOptions[index]?.option,
            `${at}.privateOptions[${first}] sets the same option; keep one of the two`,
          ),
        ),
    );
    for (const [index, server] of ntpServers.entries()) {
      if (!isIPv4(server)) {
        causes.push(
          invalid(`${at}.ntpServers[${index}]`, server, 'must be an IPv4 address, such as 192.0.2.1'),
        );
      }
    }
    return causes;
  });
