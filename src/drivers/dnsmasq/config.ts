/** A DHCP server as dnsmasq's configuration. Pure. */
import { PatchbayError } from '#machinery/errors.ts';
import type { DhcpServer } from '#node-state/dhcp.ts';

/** As upstream's single-client server: 999 days, in seconds. */
const leaseSeconds = 999 * 86_400;

/** Files the configuration names. */
export interface ServerFiles {
  readonly pid: string;
  readonly leases: string;
}

/**
 * The configuration file. Options are sent whether the client asks for them or not, as upstream's server does.
 * Throws a PatchbayError `InvalidDhcpOption` for values that cannot stand in it.
 */
export function dnsmasqConfig(server: DhcpServer, files: ServerFiles): string {
  const lines = [
    'port=0',
    'no-resolv',
    'no-hosts',
    'user=nobody',
    'group=nogroup',
    `interface=${plain(server.link)}`,
    'bind-interfaces',
    'dhcp-authoritative',
    'no-ping',
    'dhcp-rapid-commit',
    // A guest is known by its MAC: its firmware, initramfs and system use different client identifiers.
    'dhcp-ignore-clid',
    'quiet-dhcp',
    'quiet-dhcp6',
    'quiet-ra',
    `pid-file=${files.pid}`,
    `dhcp-leasefile=${files.leases}`,
    ...ipv4Lines(server),
    ...ipv6Lines(server),
    ...(server.options ?? []).map(({ code, value }) => force(code, value.split(',').map(plain).join(','))),
  ];
  return `${lines.join('\n')}\n`;
}

function ipv4Lines(server: DhcpServer): readonly string[] {
  const { v4, clientMac, mtu, hostname } = server;
  if (v4 === undefined) {
    return [];
  }
  const address = plain(v4.address);
  const mask = maskOf(v4.prefixLength);
  const dns = server.dns.filter((one) => !one.includes(':'));
  const domain = [...server.searchDomains].sort((a, b) => b.length - a.length)[0];
  const lines =
    clientMac === undefined
      ? [`dhcp-range=${address},${address},${mask},${leaseSeconds}`]
      : [
          `dhcp-range=${address},static,${mask},${leaseSeconds}`,
          // The link has no address in the range.
          `shared-network=${plain(server.link)},${address}`,
          `dhcp-host=${plain(clientMac)},${address},${leaseSeconds}`,
        ];
  lines.push(v4.router === undefined ? 'dhcp-option=3' : force(3, plain(v4.router)));
  lines.push(dns.length === 0 ? 'dhcp-option=6' : force(6, dns.map(plain).join(',')));
  if (hostname !== undefined) lines.push(force(12, plain(hostname)));
  if (domain !== undefined) lines.push(force(15, plain(domain)));
  if (mtu !== undefined) lines.push(force(26, String(mtu)));
  if (server.searchDomains.length > 0) lines.push(force(119, server.searchDomains.map(plain).join(',')));
  return [...lines, ...classlessRoutes(v4)];
}

/** Option 121; clients that read it ignore option 3, so the default route is its last entry. */
function classlessRoutes(v4: NonNullable<DhcpServer['v4']>): readonly string[] {
  const routes = v4.routes ?? [];
  if (routes.length === 0) {
    return [];
  }
  const all = v4.router === undefined ? routes : [...routes, { destination: '0.0.0.0/0', via: v4.router }];
  return [force(121, all.map(({ destination, via }) => `${plain(destination)},${plain(via)}`).join(','))];
}

function ipv6Lines(server: DhcpServer): readonly string[] {
  const { v6 } = server;
  if (v6 === undefined) {
    return [];
  }
  const address = plain(v6.address);
  const dns = server.dns.filter((one) => one.includes(':'));
  return [
    `dhcp-range=${address},${address},${v6.prefixLength},${leaseSeconds}`,
    ...(v6.advertise ? ['enable-ra'] : []),
    ...(dns.length === 0
      ? []
      : [`dhcp-option=option6:dns-server,${dns.map((one) => `[${plain(one)}]`).join(',')}`]),
  ];
}

function force(code: number, value: string): string {
  if (!Number.isInteger(code) || code < 1 || code > 254) {
    throw new PatchbayError('InvalidDhcpOption', `DHCP option ${code} does not exist; allowed are 1 to 254`, {
      retryable: false,
    });
  }
  return `dhcp-option-force=${code},${value}`;
}

function maskOf(prefixLength: number): string {
  return [0, 8, 16, 24]
    .map((start) => (0xff00 >> Math.min(8, Math.max(0, prefixLength - start))) & 0xff)
    .join('.');
}

/** A value without anything that dnsmasq's file format gives a meaning to. */
function plain(value: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._:/@%+=-]*$|^::/.test(value) || /[\s,"#\\]/.test(value)) {
    throw new PatchbayError(
      'InvalidDhcpOption',
      `${JSON.stringify(value)} cannot be given by DHCP; allowed are letters, digits and . _ : / @ % + = -`,
      { retryable: false },
    );
  }
  return value;
}
