/** `spec.domain.features`, `clock` and `launchSecurity`. */
import { boolean, int32, int64, object, oneOf, string } from '../schema.ts';
import { featureState } from './disk.ts';

const enabled = boolean('Whether it is on; true when empty.');

const hyperv = object(
  {
    relaxed: featureState,
    vapic: featureState,
    spinlocks: object({ enabled, spinlocks: int64('Attempts before the host is told.') }),
    vpindex: featureState,
    runtime: featureState,
    synic: featureState,
    synictimer: object({ enabled, direct: featureState }),
    reset: featureState,
    vendorid: object({ enabled, vendorid: string('Up to 12 characters.') }),
    frequencies: featureState,
    reenlightenment: featureState,
    tlbflush: object({ enabled, direct: featureState, extended: featureState }),
    ipi: featureState,
    evmcs: featureState,
  },
  [],
  'What a Windows guest is told of the host.',
);

export const features = object(
  {
    acpi: featureState,
    apic: object({ enabled, endOfInterrupt: boolean() }),
    hyperv,
    hypervPassthrough: object({ enabled }),
    smm: featureState,
    kvm: object({ hidden: boolean('Hide that it is a virtual machine.') }),
    pvspinlock: featureState,
  },
  [],
  'Features of the machine.',
);

const tickPolicy = string('What happens to ticks that were missed.');
const present = boolean('Whether the timer is there.');

export const clock = object(
  {
    utc: object({ offsetSeconds: int32('Seconds from UTC.') }),
    timezone: string('Time zone, such as Europe/Prague.'),
    timer: object({
      hpet: object({ tickPolicy, present }),
      kvm: object({ present }),
      pit: object({ tickPolicy, present }),
      rtc: object({ tickPolicy, present, track: oneOf(['guest', 'wall']) }),
      hyperv: object({ present }),
    }),
  },
  [],
  'Clock of the guest.',
);

export const launchSecurity = object(
  {
    sev: object({
      policy: object({ encryptedState: boolean() }),
      attestation: object({}),
      session: string(),
      dhCert: string(),
    }),
    snp: object({}),
    tdx: object({}),
  },
  [],
  'Encrypted memory.',
);
