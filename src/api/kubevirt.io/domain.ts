/** `spec.domain`: the machine the guest sees. */
import { quantities } from '../core/resources.ts';
import { array, boolean, int64, object, oneOf, quantity, string, type TypeOf } from '../schema.ts';
import { devices } from './devices.ts';
import { clock, features, launchSecurity } from './features.ts';

const cpu = object(
  {
    cores: int64('Cores per socket.'),
    sockets: int64('Sockets.'),
    maxSockets: int64('Sockets that can be plugged in.'),
    threads: int64('Threads per core.'),
    model: string('CPU model; host-model and host-passthrough are special.'),
    features: array(
      object(
        {
          name: string('Name of the feature.'),
          policy: oneOf(['force', 'require', 'optional', 'disable', 'forbid'], 'How it is asked for.'),
        },
        ['name'],
      ),
      'Features of the CPU.',
    ),
    dedicatedCpuPlacement: boolean('Physical CPUs of its own.'),
    isolateEmulatorThread: boolean('One more CPU for the emulator.'),
    numa: object({ guestMappingPassthrough: object({}) }),
    realtime: object({ mask: string('CPUs that run in real time.') }),
  },
  [],
  'CPUs of the guest.',
);

const memory = object(
  {
    guest: quantity('Memory the guest sees.'),
    maxGuest: quantity('Memory that can be plugged in.'),
    hugepages: object({ pageSize: string('Size of the pages, such as 1Gi.') }),
    reservedOverhead: object({ addedOverhead: quantity(), memLock: string() }),
  },
  [],
  'Memory of the guest.',
);

const kernelBoot = object(
  {
    kernelArgs: string('Command line of the kernel.'),
    container: object(
      {
        image: string('Image with kernel and initrd.'),
        imagePullPolicy: oneOf(['Always', 'Never', 'IfNotPresent'], 'When the image is pulled.'),
        imagePullSecret: string('Secret to pull the image with.'),
        kernelPath: string('Kernel in the image.'),
        initrdPath: string('Initrd in the image.'),
      },
      ['image'],
    ),
  },
  [],
  'Boot a kernel directly.',
);

const firmware = object(
  {
    uuid: string('UUID the firmware reports.'),
    serial: string('Serial number the firmware reports.'),
    bootloader: object({
      bios: object({ useSerial: boolean('Output on the serial console.') }),
      efi: object({
        secureBoot: boolean('Needs SMM; true when empty.'),
        persistent: boolean('Keep variables.'),
      }),
    }),
    kernelBoot,
    acpi: object({ slicNameRef: string(), msdmNameRef: string() }),
  },
  [],
  'Firmware of the machine.',
);

const domainResources = object({
  requests: quantities('What is set aside for the guest.'),
  limits: quantities('Most the guest may use.'),
  overcommitGuestOverhead: boolean('Do not add the overhead of the hypervisor.'),
});

export const domain = object(
  {
    devices,
    cpu,
    memory,
    resources: domainResources,
    machine: object({ type: string('Machine type; q35 when empty.') }),
    firmware,
    features,
    clock,
    chassis: object({
      manufacturer: string(),
      version: string(),
      serial: string(),
      asset: string(),
      sku: string(),
    }),
    ioThreadsPolicy: oneOf(['shared', 'auto', 'supplementalPool'], 'How disks share I/O threads.'),
    ioThreads: object({ supplementalPoolThreadCount: int64('Threads of the pool.') }),
    launchSecurity,
    rebootPolicy: string('What happens when the guest reboots.'),
  },
  ['devices'],
  'The machine the guest sees.',
);
export type VmiDomain = TypeOf<typeof domain>;
