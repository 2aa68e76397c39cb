import { beforeEach, describe, expect, it } from 'vitest';
import type { Pod } from '#api/core/pod.ts';
import { parseIp } from '#api/ip-range.ts';
import { formatPodNetworks, isTold, POD_NETWORKS } from './annotations.ts';
import { definition, pod } from './overlay.fixture.ts';
import { Overlay } from './overlay.ts';

describe('what a pod is told of networks besides the default one', () => {
  let overlay: Overlay;
  beforeEach(() => {
    overlay = new Overlay();
  });
  const addresses = ['10.128.0.5', 'fd01::5'].flatMap((text) => parseIp(text) ?? []);
  const place = { mac: '0a:58:0a:80:00:05', addresses };
  const network = {
    addresses: ['10.128.0.5/23', 'fd01::5/64'],
    mac: place.mac,
    gateways: ['10.128.0.1', 'fd01::1'],
    routes: [],
  };
  const told = (one: Pod, hasPrimary = false): Record<string, Record<string, unknown>> => {
    const { places, problems } = overlay.settlePod(one, 'n1', hasPrimary);
    expect(problems).toEqual([]);
    return JSON.parse(formatPodNetworks(one, place, network, places));
  };
  const define = (name: string, config: object): void => {
    overlay.settleDefinition(`ns/${name}`, definition(name, config));
  };

  it('are the addresses asked for, with their prefix, where the network gives none; over a restart too', () => {
    define('l2', {});
    const asked = pod('p', [{ name: 'l2', ips: ['192.168.7.7/24', '192.168.8.7/25', 'fd00::7/64'] }]);
    const first = told(asked);
    expect(first['ns/l2']).toMatchObject({
      ip_addresses: ['192.168.7.7/24', '192.168.8.7/25', 'fd00::7/64'],
      ip_address: '192.168.7.7/24',
    });
    overlay = new Overlay();
    define('l2', {});
    const again = {
      ...asked,
      metadata: { ...asked.metadata, annotations: { ...asked.metadata.annotations } },
    };
    again.metadata.annotations[POD_NETWORKS] = JSON.stringify(first);
    expect(told(again)['ns/l2']).toEqual(first['ns/l2']);
    expect(isTold(again, place, overlay.settlePod(again, 'n1').places)).toBe(true);
  });

  it('keep the prefix of the network where it gives addresses, whatever was written', () => {
    define('l2', { subnets: '10.2.2.0/24' });
    expect(told(pod('p', [{ name: 'l2', ips: ['10.2.2.9/32'] }]))['ns/l2']).toMatchObject({
      ip_addresses: ['10.2.2.9/24'],
    });
  });

  it('is a problem when an address has no prefix and the network gives none, or is of a family that it has not', () => {
    define('l2', {});
    define('v4', { name: 'net-b', subnets: '10.2.2.0/24' });
    const problemsOf = (selection: object): unknown =>
      overlay.settlePod(pod('p', [selection]), 'n1').problems;
    expect(problemsOf({ name: 'l2', ips: ['192.168.7.7'] })).toEqual([
      {
        reason: 'InvalidNetworkSelection',
        message:
          'pod ns/p, network "net-a": address 192.168.7.7 has no prefix length, and the network has no subnets to take it from; write such as 192.168.7.7/24',
      },
    ]);
    expect(problemsOf({ name: 'v4', ips: ['fd00::7/64'] })).toEqual([
      {
        reason: 'IPFamilyMismatch',
        message:
          'pod ns/p, network "net-b": fd00::7 is asked for, and the network has no IPv6 subnet (10.2.2.0/24); ask for IPv4 addresses only, or for none',
      },
    ]);
  });

  it('moves the default route to the network that is asked for it, for its family alone', () => {
    define('l2', { subnets: '10.2.2.0/24' });
    const { default: own, 'ns/l2': other } = told(
      pod('p', [{ name: 'l2', 'default-route': ['10.2.2.254'] }]),
    );
    expect(other).toMatchObject({ gateway_ips: ['10.2.2.254'] });
    expect(own).toMatchObject({ gateway_ips: ['fd01::1'], gateway_ip: 'fd01::1' });
  });
});
