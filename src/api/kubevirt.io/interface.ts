/** `spec.domain.devices.interfaces[]`: a card of the guest and how it meets its network. */
import { array, boolean, int32, object, string, type TypeOf } from '../schema.ts';

/** A binding without options: `masquerade: {}`. */
const plain = (description: string) => object({}, [], description);

const dhcpOptions = object(
  {
    bootFileName: string('Boot file (option 67).'),
    tftpServerName: string('TFTP server (option 66).'),
    ntpServers: array(string(), 'IPv4 addresses of time servers (option 42).'),
    privateOptions: array(
      object({ option: int32('Number of the option, 224 to 254.'), value: string('Its value.') }, [
        'option',
        'value',
      ]),
      'Site-specific options.',
    ),
  },
  [],
  'Options the guest is given by DHCP.',
);

const port = object(
  {
    name: string('Name of the port, unique on the interface.'),
    protocol: string('TCP (default) or UDP.'),
    port: int32('Port of the guest, 1 to 65535.'),
  },
  ['port'],
);

const portRange = object(
  { protocol: string('TCP or UDP.'), start: int32('First port.'), end: int32('Last port.') },
  ['protocol', 'start', 'end'],
);

export const interfaceModels = ['virtio', 'e1000', 'e1000e', 'igb', 'ne2k_pci', 'pcnet', 'rtl8139'] as const;

const bindings = {
  masquerade: plain('Behind the address of the pod, by NAT; pod network only.'),
  bridge: plain('On a bridge with the interface of the pod; the guest has the address itself.'),
  sriov: plain('A virtual function of a network card, passed through.'),
  passtBinding: plain('Through a user-space proxy; pod network only.'),
  binding: object({ name: string('Name of a registered network binding plug-in.') }, ['name']),
  slirp: plain('Discontinued; refused.'),
  passt: plain('Discontinued; refused.'),
  macvtap: plain('Discontinued; refused.'),
};

export const vmiInterface = object(
  {
    name: string('Name; the network of the same name is the one it is on.'),
    model: string(`Card the guest sees: ${interfaceModels.join(', ')}; virtio when empty.`),
    ...bindings,
    ports: array(port, 'Ports that may be reached from outside; all when empty. Masquerade and passt only.'),
    portRanges: array(portRange, 'Port ranges that may be reached from outside; instead of ports.'),
    macAddress: string('MAC address, such as de:ad:00:00:be:af or DE-AD-00-00-BE-AF.'),
    bootOrder: int32('Place in the boot order, from 1, unique over disks and interfaces.'),
    pciAddress: string('PCI address in the guest, such as 0000:81:01.0.'),
    dhcpOptions,
    tag: string('Tag the guest finds with the address of the card in its config drive.'),
    acpiIndex: int32('Index for a stable name in the guest, unique, 1 to 16383.'),
    state: string('up (default), down or absent.'),
  },
  ['name'],
  'A network card of the guest.',
);
export type VmiInterface = TypeOf<typeof vmiInterface>;

export const autoattach = {
  autoattachGraphicsDevice: boolean('Attach a graphics card; true when empty.'),
  autoattachInputDevice: boolean('Attach an input device.'),
  autoattachMemBalloon: boolean('Attach a memory balloon; true when empty.'),
  autoattachPodInterface: boolean('Attach the pod network when no network is named; true when empty.'),
  autoattachSerialConsole: boolean('Attach a serial console; true when empty.'),
  autoattachVSOCK: boolean('Attach a VSOCK device.'),
};
