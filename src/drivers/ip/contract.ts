import { driverContract } from '#drivers/contract.ts';
import type { Link } from '#node-state/link.ts';
import { satisfies } from '#node-state/match.ts';
import { NODE } from '#node-state/resource.ts';
import type { IpDriver, IpResource } from './driver.ts';

/** Runs the suite; `scope` is a network namespace that does not exist yet, `host` a free link name of the node. */
export function ipContract(make: () => { driver: IpDriver; scope: string; host: string }): void {
  driverContract<IpResource>(() => {
    const { driver, scope, host } = make();
    const link = (name: string, device: Link['device'], rest: Partial<Link> = {}): Link => ({
      kind: 'link',
      netns: scope,
      name,
      device,
      up: true,
      mtu: 1400,
      ...rest,
    });
    const tap = link(
      'tap0',
      { type: 'tap', owner: 107, queues: 1 },
      { port: { bridge: 'k6t-eth0', learning: false } },
    );
    return {
      driver,
      scope,
      resources: [
        { kind: 'netns', netns: scope },
        { ...link('lo', { type: 'nic' }), mtu: 65536 },
        link(
          'eth0',
          { type: 'veth', peer: { netns: NODE, name: host } },
          { mac: '0a:58:0a:80:00:05', offload: false },
        ),
        link('k6t-eth0', { type: 'bridge', stp: false, vlanFiltering: false }, { mac: '02:00:00:00:00:00' }),
        tap,
        link('tap1', { type: 'tap', owner: 107, queues: 4 }),
        link('pod0123456789a', { type: 'dummy' }, { up: false, arp: false, mac: '02:00:0a:02:02:03' }),
        { kind: 'address', netns: scope, link: 'eth0', address: '10.128.0.5/23' },
        { kind: 'address', netns: scope, link: 'eth0', address: 'fd00:10::5/64', noDad: true },
        { kind: 'neighbour', netns: scope, link: 'eth0', address: '10.128.0.9', mac: '0a:58:0a:80:00:09' },
        { kind: 'route', netns: scope, destination: 'default', link: 'eth0', via: '10.128.0.1' },
        {
          kind: 'route',
          netns: scope,
          destination: '172.30.0.0/16',
          link: 'eth0',
          via: '10.128.0.1',
          mtu: 1300,
        },
        { kind: 'route', netns: scope, destination: '::/0', link: 'eth0', via: 'fd00:10::1', metric: 1024 },
      ],
      changed: { ...tap, mtu: 1300, port: { bridge: 'k6t-eth0', learning: true, isolated: true } },
      refused: link('has a space', { type: 'dummy' }),
      matches: satisfies,
    };
  });
}
