import { type Accepted, checkRules, type Refused, spec } from './spec-cases.ts';

const refused: readonly Refused[] = [
  ['no memory', spec({}, { memory: undefined }), ['Required spec.domain.memory.guest']],
  [
    'memory that is no quantity',
    spec({}, { memory: { guest: '128MB' } }),
    ['Invalid spec.domain.memory.guest'],
  ],
  ['negative memory', spec({}, { memory: { guest: '-1Gi' } }), ['Invalid spec.domain.memory.guest']],
  ['memory without unit', spec({}, { memory: { guest: '128' } }), ['Invalid spec.domain.memory.guest']],
  [
    'request above limit',
    spec({}, { resources: { requests: { memory: '2Gi' }, limits: { memory: '1Gi' } } }),
    ['Invalid spec.domain.resources.requests.memory'],
  ],
  [
    'guest above limit',
    spec({}, { memory: { guest: '2Gi' }, resources: { limits: { memory: '1Gi' } } }),
    ['Invalid spec.domain.memory.guest'],
  ],
  [
    'guest above maxGuest',
    spec({}, { memory: { guest: '2Gi', maxGuest: '1Gi' } }),
    ['Invalid spec.domain.memory.guest'],
  ],
  [
    'half a huge page',
    spec({}, { memory: { guest: '1536Mi', hugepages: { pageSize: '1Gi' } } }),
    ['Invalid spec.domain.memory.guest'],
  ],
  [
    'page larger than memory',
    spec({}, { memory: { guest: '512Mi', hugepages: { pageSize: '1Gi' } } }),
    ['Invalid spec.domain.memory.guest'],
  ],
  ['negative cores', spec({}, { cpu: { cores: -1 } }), ['Invalid spec.domain.cpu.cores']],
  ['too many CPUs', spec({}, { cpu: { cores: 64, sockets: 16 } }), ['Invalid spec.domain.cpu']],
  [
    'more sockets than maxSockets',
    spec({}, { cpu: { sockets: 4, maxSockets: 2 } }),
    ['Invalid spec.domain.cpu.sockets'],
  ],
  [
    'CPU request above limit',
    spec({}, { resources: { requests: { cpu: '2' }, limits: { cpu: '500m' } } }),
    ['Invalid spec.domain.resources.requests.cpu'],
  ],
  [
    'emulator thread without dedicated CPUs',
    spec({}, { cpu: { isolateEmulatorThread: true } }),
    ['Forbidden spec.domain.cpu.isolateEmulatorThread'],
  ],
  [
    'numa without huge pages',
    spec({}, { cpu: { dedicatedCpuPlacement: true, numa: { guestMappingPassthrough: {} } } }),
    ['Forbidden spec.domain.cpu.numa.guestMappingPassthrough'],
  ],
  [
    'broken dedicated CPUs',
    spec({}, { cpu: { dedicatedCpuPlacement: true }, resources: { requests: { cpu: '1500m' } } }),
    ['Invalid spec.domain.resources.requests.cpu'],
  ],
  ['machine pc', spec({}, { machine: { type: 'pc' } }), ['Invalid spec.domain.machine.type']],
  [
    'efi and bios',
    spec({}, { firmware: { bootloader: { efi: {}, bios: {} } } }),
    ['Forbidden spec.domain.firmware.bootloader'],
  ],
  [
    'secure boot without SMM',
    spec({}, { firmware: { bootloader: { efi: {} } } }),
    ['Invalid spec.domain.firmware.bootloader.efi.secureBoot'],
  ],
  [
    'kernel arguments alone',
    spec({}, { firmware: { kernelBoot: { kernelArgs: 'quiet' } } }),
    ['Invalid spec.domain.firmware.kernelBoot.kernelArgs'],
  ],
  [
    'kernel container without kernel',
    spec({}, { firmware: { kernelBoot: { container: { image: 'x' } } } }),
    ['Required spec.domain.firmware.kernelBoot.container.kernelPath'],
  ],
];

const accepted: readonly Accepted[] = [
  ['nothing but memory', spec()],
  ['memory by request', spec({}, { memory: undefined, resources: { requests: { memory: '1024Mi' } } })],
  ['memory by huge pages', spec({}, { memory: { hugepages: { pageSize: '2Mi' } } })],
  [
    'memory in decimal units and exponents',
    spec({}, { memory: { guest: '1e9' }, resources: { limits: { memory: '2G' } } }),
  ],
  ['secure boot with SMM', spec({}, { firmware: { bootloader: { efi: {} } }, features: { smm: {} } })],
  ['EFI without secure boot', spec({}, { firmware: { bootloader: { efi: { secureBoot: false } } } })],
  [
    'kernel boot',
    spec(
      {},
      {
        firmware: {
          kernelBoot: { kernelArgs: 'quiet', container: { image: 'x', kernelPath: '/k', initrdPath: '/i' } },
        },
      },
    ),
  ],
  [
    'dedicated CPUs',
    spec(
      {},
      { cpu: { dedicatedCpuPlacement: true, isolateEmulatorThread: true, cores: 5, sockets: 1, threads: 2 } },
    ),
  ],
];

checkRules('machine rules', refused, accepted);
