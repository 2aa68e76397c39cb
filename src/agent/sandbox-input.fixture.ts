/** A launcher pod of the documentation's kind, for tests: masquerade on the pod network, a bridge with a checked MAC. */
import type { SandboxInput } from './compose-sandbox.ts';

/** Input with IPv4 on both networks; `changes` replaces parts of it. */
export function sandboxInput(netns: string, changes: Partial<SandboxInput> = {}): SandboxInput {
  return {
    netns,
    pod: {
      metadata: {
        name: 'virt-launcher-vm-a-abcde',
        namespace: 'demo',
        uid: '020af941-7a31-4916-ab88-88299c86132f',
      },
      spec: { containers: [{ name: 'compute' }] },
    },
    node: {
      bridgeVlanFiltering: false,
      podMtu: 1400,
      ovsUserspace: true,
      bridgeNetfilter: true,
      bridges: new Map([['br1', { realisedBy: 'ovs-bridge', mtu: 1500 }]]),
    },
    podNetwork: {
      mac: '0a:58:0a:80:00:05',
      addresses: ['10.128.0.5/23'],
      gateways: ['10.128.0.1'],
      routes: [{ destination: '172.30.0.0/16', via: '10.128.0.1' }],
    },
    networks: [
      {
        selection: {
          name: 'bridge-network',
          namespace: 'demo',
          interfaceName: 'pod03b731d2111',
          mac: '02:86:5e:00:00:14',
        },
        config: {
          type: 'bridge',
          bridge: 'br1',
          vlan: 100,
          macspoofchk: true,
          ipam: { type: 'static', addresses: [{ address: '10.2.2.1/24' }] },
        },
      },
    ],
    guest: {
      settings: { qemuUser: 107, dnsServers: ['172.30.0.10'], clusterDomain: 'cluster.local' },
      vmi: {
        metadata: { name: 'vm-a', namespace: 'demo', uid: '5cbd64a0-93b2-4a87-a48b-deaa2a4ad8a8' },
        spec: {
          domain: {
            memory: { guest: '128Mi' },
            devices: {
              interfaces: [
                { name: 'default', masquerade: {}, ports: [{ port: 80 }] },
                { name: 'bridge-net', bridge: {}, macAddress: '02:86:5E:00:00:14' },
              ],
            },
          },
          networks: [
            { name: 'default', pod: {} },
            { name: 'bridge-net', multus: { networkName: 'bridge-network' } },
          ],
        },
      },
    },
    ...changes,
  };
}
