/** Which guest should reach which, where: computed from VirtualMachineInstances. Pure. */
import type {
  VirtualMachineInstance,
  VmiStatusInterface,
} from '#api/kubevirt.io/virtual-machine-instance.ts';

/** A network card of a VM, for the table. */
export interface NicRow {
  readonly vm: string;
  readonly node: string;
  /** Name of the interface in the spec. */
  readonly nic: string;
  /** `pod network`, or the NetworkAttachmentDefinition. */
  readonly network: string;
  readonly binding: string;
  readonly mac: string;
  /** Name in the guest. */
  readonly guestInterface: string;
  readonly addresses: readonly string[];
}

/** One thing to measure: from a guest to an address of another. */
export interface Probe {
  readonly from: VirtualMachineInstance;
  readonly to: VirtualMachineInstance;
  readonly network: string;
  /** Interface of `from`, named as in its guest. */
  readonly fromInterface: string;
  /** Address of `to`, IPv4, without prefix length. */
  readonly address: string;
  /** TCP port that `to` serves on and lets in. */
  readonly port: number;
  /** True when `to` lets only listed ports in, so that its pod, not its guest, answers pings. */
  readonly podAnswersPing: boolean;
}

interface Nic {
  readonly row: NicRow;
  readonly isPod: boolean;
  readonly port: number;
  readonly listsPorts: boolean;
}

/** Cards of a VM: what the spec wants joined with what the status saw. */
export function composeNics(vmi: VirtualMachineInstance): readonly NicRow[] {
  return nicsOf(vmi).map(({ row }) => row);
}

/** Every ordered pair of VMs on every network both are on. */
export function composeProbes(vmis: readonly VirtualMachineInstance[]): readonly Probe[] {
  return vmis.flatMap((from) =>
    vmis
      .filter((to) => to !== from)
      .flatMap((to) =>
        nicsOf(from).flatMap((own) => {
          const other = nicsOf(to).find(({ row }) => row.network === own.row.network);
          const address = other?.row.addresses.find((one) => one.includes('.'))?.split('/')[0];
          return other === undefined || address === undefined
            ? []
            : [
                {
                  from,
                  to,
                  network: own.row.network,
                  fromInterface: own.row.guestInterface,
                  address,
                  port: other.port,
                  podAnswersPing: other.listsPorts,
                },
              ];
        }),
      ),
  );
}

/** TCP ports a VM must serve on for every probe of it. */
export function portsOf(probes: readonly Probe[], vmi: VirtualMachineInstance): readonly number[] {
  return [...new Set(probes.filter(({ to }) => to === vmi).map(({ port }) => port))];
}

/** True once everything the tables show is known: the guest's agent is connected and every card has an IPv4 address. */
export function isComplete(vmi: VirtualMachineInstance): boolean {
  const { conditions, phase } = vmi.status ?? {};
  const isConnected =
    conditions?.some(({ type, status }) => type === 'AgentConnected' && status === 'True') === true;
  return (
    phase === 'Running' &&
    isConnected &&
    nicsOf(vmi).every(
      ({ row }) => row.guestInterface !== '' && row.addresses.some((address) => address.includes('.')),
    )
  );
}

function nicsOf(vmi: VirtualMachineInstance): readonly Nic[] {
  const networks = vmi.spec.networks ?? [];
  return (vmi.spec.domain.devices?.interfaces ?? []).map((wanted) => {
    const network = networks.find(({ name }) => name === wanted.name);
    const seen: VmiStatusInterface | undefined = vmi.status?.interfaces?.find(
      ({ name }) => name === wanted.name,
    );
    const isPod = network?.multus === undefined;
    const tcp = wanted.ports?.filter(({ protocol = 'TCP' }) => protocol.toUpperCase() === 'TCP') ?? [];
    const listsPorts = wanted.masquerade !== undefined && (wanted.ports?.length ?? 0) > 0;
    return {
      isPod,
      listsPorts,
      port: (listsPorts ? tcp[0]?.port : undefined) ?? 80,
      row: {
        vm: vmi.metadata.name,
        node: vmi.status?.nodeName ?? '',
        nic: wanted.name,
        network: isPod ? 'pod network' : (network?.multus?.networkName ?? ''),
        binding: bindingOf(wanted),
        mac: seen?.mac ?? '',
        guestInterface: seen?.interfaceName ?? '',
        addresses: seen?.ipAddresses ?? [],
      },
    };
  });
}

const bindingNames = ['masquerade', 'bridge', 'sriov', 'passtBinding', 'binding'] as const;

function bindingOf(wanted: Readonly<Record<string, unknown>>): string {
  return bindingNames.find((name) => wanted[name] !== undefined) ?? 'bridge';
}
