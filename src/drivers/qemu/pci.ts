/**
 * Where devices sit on the guest's PCI Express bus. Root port n is at 00:(2 + (n-1)/8).((n-1) mod 8) and, because buses
 * are numbered in that order, its device is at 0n:00.0: the first NIC is 01:00.0 (`enp1s0`), the second 02:00.0.
 * NICs come first and are followed by the spare ports, so that a NIC added at the end takes the first spare port and
 * neither NICs nor disks before or after it move.
 */
import { PatchbayError } from '#machinery/errors.ts';
import type { VmNic } from '#node-state/vm.ts';

/** Slots 2 to 25 hold root ports; below and above are the devices that never change. */
const MAX_PORTS = 24 * 8;
const FIRST_SLOT = 2;

/** A place on a bus, as QEMU's `bus` and `addr`. */
export interface PciPlace {
  readonly bus: string;
  readonly addr: string;
}

/** A `pcie-root-port`. */
export interface RootPort {
  /** 1, 2, …: chassis, slot number and bus number. */
  readonly number: number;
  readonly id: string;
  readonly addr: string;
  readonly multifunction: boolean;
}

/** Places of everything that sits behind root ports. */
export interface PciLayout {
  readonly ports: readonly RootPort[];
  /** In the order of the NICs. */
  readonly nics: readonly PciPlace[];
  /** In the order of the other devices. */
  readonly others: readonly PciPlace[];
  /** Ids of ports kept free. */
  readonly spare: readonly string[];
}

/** Gives NICs their explicit or next free port, keeps spare ones, then places `others` (disks). */
export function composePciLayout(nics: readonly VmNic[], spareCount: number, others: number): PciLayout {
  const explicit = nics.map((nic) =>
    nic.pciAddress === undefined ? undefined : parsePlace(nic, nic.pciAddress),
  );
  const taken = new Set<number>();
  const onRoot = new Set<string>();
  for (const [index, place] of explicit.entries()) {
    if (place !== undefined) {
      claim(place, nics[index]?.name ?? '', taken, onRoot);
    }
  }
  let next = 1;
  const take = (): number => {
    while (taken.has(next)) {
      next++;
    }
    taken.add(next);
    return next;
  };
  const nicPlaces = explicit.map((place) => place?.place ?? behind(take()));
  const spare = Array.from({ length: spareCount }, () => portId(take()));
  const otherPlaces = Array.from({ length: others }, () => behind(take()));
  const count = Math.max(0, ...taken);
  if (count > MAX_PORTS) {
    throw new PatchbayError(
      'TooManyDevices',
      `the machine needs ${count} PCIe root ports; allowed: at most ${MAX_PORTS}. Remove NICs or disks`,
      { retryable: false },
    );
  }
  return {
    ports: Array.from({ length: count }, (_, index) => rootPort(index + 1)),
    nics: nicPlaces,
    others: otherPlaces,
    spare,
  };
}

interface Explicit {
  readonly place: PciPlace;
  readonly port?: number;
}

function claim(explicit: Explicit, nic: string, taken: Set<number>, onRoot: Set<string>): void {
  const { place, port } = explicit;
  const isTaken = port === undefined ? onRoot.has(place.addr) : taken.has(port);
  if (isTaken) {
    throw new PatchbayError('PciAddressTaken', `interface ${nic}: pciAddress is used by another interface`, {
      retryable: false,
    });
  }
  if (port === undefined) {
    onRoot.add(place.addr);
  } else {
    taken.add(port);
  }
}

function parsePlace(nic: VmNic, address: string): Explicit {
  const match = /^(?:([0-9a-f]{4}):)?([0-9a-f]{2}):([01][0-9a-f])\.([0-7])$/i.exec(address);
  const [domain, bus, slot, fn] = (match?.slice(1) ?? []).map((part) => Number.parseInt(part ?? '0', 16));
  if (bus === undefined || slot === undefined || fn === undefined || (domain ?? 0) > 0) {
    throw refusal(nic, address, 'it is no address of the form 0000:07:00.0 in domain 0000');
  }
  if (bus > 0) {
    if (slot !== 0 || fn !== 0 || bus > MAX_PORTS) {
      throw refusal(
        nic,
        address,
        `a PCIe bus other than 00 has only slot 00.0, and buses end at ${hex(MAX_PORTS)}`,
      );
    }
    return { place: behind(bus), port: bus };
  }
  // Slots 2..0x19 hold root ports, 0, 1, 0x1d.. the built-in devices.
  if (slot < 0x1a || slot > 0x1c) {
    throw refusal(nic, address, 'on bus 00 the slots 1a, 1b and 1c are free');
  }
  return { place: { bus: 'pcie.0', addr: `${hex(slot)}.${fn}` } };
}

function refusal(nic: VmNic, address: string, why: string): PatchbayError {
  return new PatchbayError('InvalidPciAddress', `interface ${nic.name}: pciAddress ${address}: ${why}`, {
    retryable: false,
  });
}

function rootPort(number: number): RootPort {
  const fn = (number - 1) % 8;
  const slot = FIRST_SLOT + Math.floor((number - 1) / 8);
  return { number, id: portId(number), addr: `${hex(slot)}.${fn}`, multifunction: fn === 0 };
}

function behind(port: number): PciPlace {
  return { bus: portId(port), addr: '0x0' };
}

function portId(port: number): string {
  return `rp${port}`;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
