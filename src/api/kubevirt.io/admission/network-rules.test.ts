import { type Accepted, bridgeNic, checkRules, nicList, podNic, type Refused, spec } from './spec-cases.ts';

const multus = { networkName: 'a' };
const bridge = {};
const nics = 'spec.domain.devices.interfaces';

const refused: readonly Refused[] = [
  [
    'two pod networks',
    nicList(
      [
        { name: 'a', masquerade: {} },
        { name: 'b', masquerade: {} },
      ],
      [
        { name: 'a', pod: {} },
        { name: 'b', pod: {} },
      ],
    ),
    ['Duplicate spec.networks[1].pod'],
  ],
  [
    'two Multus defaults',
    nicList(
      [
        { name: 'a', bridge },
        { name: 'b', bridge },
      ],
      [
        { name: 'a', multus: { networkName: 'x', default: true } },
        { name: 'b', multus: { networkName: 'y', default: true } },
      ],
    ),
    ['Invalid spec.networks[1].multus.default'],
  ],
  [
    'pod network and Multus default',
    nicList(
      [
        { name: 'a', masquerade: {} },
        { name: 'b', bridge },
      ],
      [
        { name: 'a', pod: {} },
        { name: 'b', multus: { networkName: 'y', default: true } },
      ],
    ),
    ['Invalid spec.networks[1].multus.default'],
  ],
  ['no source', nicList([{ name: 'a', bridge }], [{ name: 'a' }]), ['Required spec.networks[0]']],
  [
    'two sources',
    nicList([{ name: 'a', masquerade: {} }], [{ name: 'a', pod: {}, multus }]),
    ['Required spec.networks[0]'],
  ],
  [
    'empty networkName',
    bridgeNic({}, { multus: { networkName: '' } }),
    ['Required spec.networks[0].multus.networkName'],
  ],
  [
    'networkName with two slashes',
    bridgeNic({}, { multus: { networkName: 'a/b/c' } }),
    ['Invalid spec.networks[0].multus.networkName'],
  ],
  [
    'networkName with upper case',
    bridgeNic({}, { multus: { networkName: 'ns/Net' } }),
    ['Invalid spec.networks[0].multus.networkName'],
  ],
  [
    'network names twice',
    nicList(
      [{ name: 'a', bridge }],
      [
        { name: 'a', multus },
        { name: 'a', multus },
      ],
    ),
    ['Duplicate spec.networks[1].name'],
  ],
  [
    'claim that is not listed',
    bridgeNic({ name: 'net' }, { multus: undefined, resourceClaim: { claimName: 'c', requestName: 'r' } }),
    ['Invalid spec.networks[0].resourceClaim.claimName'],
  ],
  [
    'guest range that is none',
    podNic({}, { pod: { vmNetworkCIDR: '10.0.2.0' } }),
    ['Invalid spec.networks[0].pod.vmNetworkCIDR'],
  ],
  [
    'guest range too small',
    podNic({}, { pod: { vmNetworkCIDR: '10.0.2.0/31' } }),
    ['Invalid spec.networks[0].pod.vmNetworkCIDR'],
  ],
  [
    'guest IPv6 range of the other family',
    podNic({}, { pod: { vmIPv6NetworkCIDR: '10.0.2.0/24' } }),
    ['Invalid spec.networks[0].pod.vmIPv6NetworkCIDR'],
  ],
  ['unknown state', bridgeNic({ state: 'gone' }), [`NotSupported ${nics}[0].state`]],
  [
    'state of an SR-IOV card',
    bridgeNic({ bridge: undefined, sriov: {}, state: 'down' }),
    [`Invalid ${nics}[0].state`],
  ],
  [
    'absent without bridge',
    bridgeNic({ bridge: undefined, sriov: {}, state: 'absent' }),
    [`Invalid ${nics}[0].state`],
  ],
  [
    'absent on the default network',
    bridgeNic({ state: 'absent' }, { multus: { networkName: 'a', default: true } }),
    [`Invalid ${nics}[0].state`],
  ],
  ['no binding', podNic({ masquerade: undefined }), [`Invalid ${nics}[0]`]],
  ['two bindings', bridgeNic({ sriov: {} }), [`Invalid ${nics}[0]`]],
  [
    'plug-in without name',
    podNic({ masquerade: undefined, binding: { name: '' } }),
    [`Required ${nics}[0].binding.name`],
  ],
  [
    'masquerade off the pod network',
    bridgeNic({ bridge: undefined, masquerade: {} }),
    [`Invalid ${nics}[0].name`],
  ],
  [
    'masquerade with the bridge MAC',
    podNic({ macAddress: '02-00-00-00-00-00' }),
    [`Invalid ${nics}[0].macAddress`],
  ],
  ['bridge on the pod network', podNic({ masquerade: undefined, bridge }), [`Invalid ${nics}[0].name`]],
  [
    'passt off the pod network',
    bridgeNic({ bridge: undefined, passtBinding: {} }),
    [`Invalid ${nics}[0].name`],
  ],
  ['slirp', podNic({ masquerade: undefined, slirp: {} }), [`Invalid ${nics}[0].slirp`]],
  ['passt', podNic({ masquerade: undefined, passt: {} }), [`Invalid ${nics}[0].passt`]],
  ['macvtap', podNic({ masquerade: undefined, macvtap: {} }), [`Invalid ${nics}[0].macvtap`]],
  [
    'network without interface',
    nicList(
      [{ name: 'a', bridge }],
      [
        { name: 'a', multus },
        { name: 'b', multus },
      ],
    ),
    ['Required spec.networks[1].name'],
  ],
  [
    'interface without network',
    nicList(
      [
        { name: 'a', bridge },
        { name: 'b', bridge },
      ],
      [{ name: 'a', multus }],
    ),
    [`Invalid ${nics}[1].name`],
  ],
  [
    'interface names twice',
    nicList(
      [
        { name: 'a', bridge },
        { name: 'a', bridge },
      ],
      [{ name: 'a', multus }],
    ),
    [`Duplicate ${nics}[1].name`],
  ],
];

const accepted: readonly Accepted[] = [
  [
    'guest ranges of both families',
    podNic({}, { pod: { vmNetworkCIDR: '192.168.0.0/30', vmIPv6NetworkCIDR: 'fd10:0:2::/126' } }),
  ],
  ['l2bridge plug-in on the pod network', podNic({ masquerade: undefined, binding: { name: 'l2bridge' } })],
  ['passt on the pod network', podNic({ masquerade: undefined, passtBinding: {} })],
  ['bridge being unplugged', bridgeNic({ state: 'absent' })],
  ['link down on the pod network', podNic({ state: 'down' })],
  ['network of another namespace', bridgeNic({}, { multus: { networkName: 'default/bridge-network' } })],
  ['Multus default network', bridgeNic({}, { multus: { networkName: 'a', default: true } })],
  [
    'listed claim',
    spec(
      {
        networks: [{ name: 'a', resourceClaim: { claimName: 'c', requestName: 'r' } }],
        resourceClaims: [{ name: 'c' }],
      },
      { devices: { interfaces: [{ name: 'a', sriov: {} }] } },
    ),
  ],
];

checkRules('network rules', refused, accepted);
