/** Rows that routers hold, and the ports that join switches to them (pure). */
import type { IpFamily } from '#api/ip-range.ts';
import { macOf } from '#api/k8s.ovn.org/mac.ts';
import type { NbRow, RowKey } from '#drivers/ovn/driver.ts';
import { formatInterface, type Interface } from './addresses.ts';

/** Keys of IPv4 are what they were before there was another family; no name of ours has an `@`. */
export function keyIn(family: IpFamily, key: string): string {
  return family === 4 ? key : `${key}@6`;
}

/** A router's port with one address per family; `more` are further columns. */
export function routerPort(
  router: RowKey,
  name: string,
  interfaces: readonly Interface[],
  more: NbRow['columns'] = {},
): NbRow {
  const networks = interfaces.map(formatInterface);
  return {
    table: 'Logical_Router_Port',
    key: name,
    columns: { name, mac: macOf(interfaces.map((one) => one.ip)), networks, ...more },
    parent: { ...router, column: 'ports' },
  };
}

/** A switch's port to a router's port. */
export function switchPort(of: string, name: string, to: string): NbRow {
  return {
    table: 'Logical_Switch_Port',
    key: name,
    columns: { name, type: 'router', addresses: ['router'], options: { 'router-port': to } },
    parent: { table: 'Logical_Switch', key: of, column: 'ports' },
  };
}

/** A static route of a router. */
export function route(router: RowKey, key: string, columns: NbRow['columns']): NbRow {
  return {
    table: 'Logical_Router_Static_Route',
    key: `${router.key}-${key}`,
    columns,
    parent: { ...router, column: 'static_routes' },
  };
}

/** What hides a router's network. */
export function nat(router: RowKey, key: string, external: string, inside: string): NbRow {
  return {
    table: 'NAT',
    key: `${router.key}-${key}`,
    columns: { type: 'snat', external_ip: external, logical_ip: inside },
    parent: { ...router, column: 'nat' },
  };
}
