import { type Accepted, bridgeNic, checkRules, nicList, podNic, type Refused, spec } from './spec-cases.ts';

const multus = { networkName: 'a' };
const bridge = {};
const nics = 'spec.domain.devices.interfaces';

const refused: readonly Refused[] = [
  [
    'name with a dot',
    nicList([{ name: 'a.b', bridge }], [{ name: 'a.b', multus }]),
    [`Invalid ${nics}[0].name`],
  ],
  ['unknown model', bridgeNic({ model: 'virtoi' }), [`NotSupported ${nics}[0].model`]],
  ['malformed MAC', bridgeNic({ macAddress: 'de:ad:00:00:be' }), [`Invalid ${nics}[0].macAddress`]],
  ['MAC of words', bridgeNic({ macAddress: 'random' }), [`Invalid ${nics}[0].macAddress`]],
  [
    'MAC of eight bytes',
    bridgeNic({ macAddress: 'de:ad:00:00:be:af:00:01' }),
    [`Invalid ${nics}[0].macAddress`],
  ],
  ['multicast MAC', bridgeNic({ macAddress: '03:00:00:00:00:01' }), [`Invalid ${nics}[0].macAddress`]],
  ['all-zero MAC', bridgeNic({ macAddress: '00:00:00:00:00:00' }), [`Invalid ${nics}[0].macAddress`]],
  [
    'MAC twice, written differently',
    nicList(
      [
        { name: 'a', bridge, macAddress: '02:00:00:00:00:AA' },
        { name: 'b', bridge, macAddress: '02-00-00-00-00-aa' },
      ],
      [
        { name: 'a', multus },
        { name: 'b', multus },
      ],
    ),
    [`Duplicate ${nics}[1].macAddress`],
  ],
  ['malformed PCI address', bridgeNic({ pciAddress: '07:00.0' }), [`Invalid ${nics}[0].pciAddress`]],
  ['PCI function 8', bridgeNic({ pciAddress: '0000:07:00.8' }), [`Invalid ${nics}[0].pciAddress`]],
  ['port 0', podNic({ ports: [{ port: 0 }] }), [`Required ${nics}[0].ports[0].port`]],
  ['port 65536', podNic({ ports: [{ port: 80 }, { port: 65536 }] }), [`Invalid ${nics}[0].ports[1].port`]],
  ['port 70000', podNic({ ports: [{ port: 70000 }] }), [`Invalid ${nics}[0].ports[0].port`]],
  ['port -1', podNic({ ports: [{ port: -1 }] }), [`Invalid ${nics}[0].ports[0].port`]],
  [
    'protocol SCTP',
    podNic({ ports: [{ port: 80, protocol: 'SCTP' }] }),
    [`NotSupported ${nics}[0].ports[0].protocol`],
  ],
  [
    'port name too long',
    podNic({ ports: [{ port: 80, name: 'a-very-long-name' }] }),
    [`Invalid ${nics}[0].ports[0].name`],
  ],
  [
    'port name without letter',
    podNic({ ports: [{ port: 80, name: '80' }] }),
    [`Invalid ${nics}[0].ports[0].name`],
  ],
  [
    'port names twice',
    podNic({
      ports: [
        { port: 80, name: 'http' },
        { port: 81, name: 'http' },
      ],
    }),
    [`Duplicate ${nics}[0].ports[1].name`],
  ],
  [
    'ports and portRanges',
    podNic({ ports: [{ port: 80 }], portRanges: [{ protocol: 'TCP', start: 1, end: 2 }] }),
    [`Forbidden ${nics}[0].portRanges`],
  ],
  [
    'portRanges on a bridge',
    bridgeNic({ portRanges: [{ protocol: 'TCP', start: 1, end: 2 }] }),
    [`Forbidden ${nics}[0].portRanges`],
  ],
  [
    'portRanges that overlap',
    podNic({
      portRanges: [
        { protocol: 'TCP', start: 1, end: 10 },
        { protocol: 'TCP', start: 10, end: 20 },
      ],
    }),
    [`Invalid ${nics}[0].portRanges[1]`],
  ],
  [
    'portRange the wrong way round',
    podNic({ portRanges: [{ protocol: 'TCP', start: 9, end: 1 }] }),
    [`Invalid ${nics}[0].portRanges[0].start`],
  ],
  [
    'eleven portRanges',
    podNic({
      portRanges: Array.from({ length: 11 }, (_, i) => ({ protocol: 'TCP', start: i + 1, end: i + 1 })),
    }),
    [`Invalid ${nics}[0].portRanges`],
  ],
  [
    'private option 200',
    podNic({ dhcpOptions: { privateOptions: [{ option: 200, value: 'x' }] } }),
    [`Invalid ${nics}[0].dhcpOptions.privateOptions[0].option`],
  ],
  [
    'private option twice',
    podNic({
      dhcpOptions: {
        privateOptions: [
          { option: 240, value: 'x' },
          { option: 240, value: 'y' },
        ],
      },
    }),
    [`Duplicate ${nics}[0].dhcpOptions.privateOptions[1].option`],
  ],
  [
    'IPv6 time server',
    podNic({ dhcpOptions: { ntpServers: ['192.0.2.1', '2001:db8::1'] } }),
    [`Invalid ${nics}[0].dhcpOptions.ntpServers[1]`],
  ],
  ['boot order 0', bridgeNic({ bootOrder: 0 }), [`Invalid ${nics}[0].bootOrder`]],
  [
    'boot order of a disk and a card',
    spec(
      { networks: [{ name: 'a', multus }], volumes: [{ name: 'd', emptyDisk: { capacity: '1Gi' } }] },
      {
        devices: { disks: [{ name: 'd', bootOrder: 1 }], interfaces: [{ name: 'a', bridge, bootOrder: 1 }] },
      },
    ),
    [`Duplicate ${nics}[0].bootOrder`],
  ],
  ['acpiIndex 16384', bridgeNic({ acpiIndex: 16384 }), [`Invalid ${nics}[0].acpiIndex`]],
  [
    'acpiIndex twice',
    nicList(
      [
        { name: 'a', bridge, acpiIndex: 1 },
        { name: 'b', bridge, acpiIndex: 1 },
      ],
      [
        { name: 'a', multus },
        { name: 'b', multus },
      ],
    ),
    [`Duplicate ${nics}[1].acpiIndex`],
  ],
  [
    'PCI address twice',
    nicList(
      [
        { name: 'a', bridge, pciAddress: '0000:07:00.0' },
        { name: 'b', bridge, pciAddress: '0000:07:00.0' },
      ],
      [
        { name: 'a', multus },
        { name: 'b', multus },
      ],
    ),
    [`Duplicate ${nics}[1].pciAddress`],
  ],
];

const accepted: readonly Accepted[] = [
  ['masquerade with ports', podNic({ ports: [{ port: 80 }, { port: 65535, protocol: 'UDP', name: 'dns' }] })],
  [
    'ranges of both protocols',
    podNic({
      portRanges: [
        { protocol: 'TCP', start: 1, end: 9 },
        { protocol: 'UDP', start: 1, end: 9 },
      ],
    }),
  ],
  ['bridge with MAC in capitals and dashes', bridgeNic({ macAddress: 'DE-AD-00-00-BE-AF', model: 'e1000e' })],
  [
    'SR-IOV with PCI address',
    bridgeNic({ bridge: undefined, sriov: {}, pciAddress: '0000:07:00.0', acpiIndex: 16383, bootOrder: 1 }),
  ],
  [
    'DHCP options',
    podNic({
      dhcpOptions: {
        bootFileName: 'b',
        ntpServers: ['192.0.2.1'],
        privateOptions: [
          { option: 224, value: 'a' },
          { option: 254, value: 'b' },
        ],
      },
    }),
  ],
];

checkRules('interface rules', refused, accepted);
