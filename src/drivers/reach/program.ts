/** The program that measures reachability: what it is asked (checked), how it is called, and what it answered. Pure but for its text. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { PatchbayError } from '#machinery/errors.ts';

/** How a probe is made: an echo request, a short HTTP answer, 65 KiB of it, a datagram. */
export const probeKinds = ['ping', 'tcp', 'bulk', 'udp'] as const;
export type ProbeKind = (typeof probeKinds)[number];

/** One probe. */
export interface Probe {
  /** Whole number, unique in a run. */
  readonly id: number;
  readonly kind: ProbeKind;
  readonly address: string;
  /** Interface that pings leave by; `-` is whichever the routes choose. */
  readonly device: string;
  /** Payload of a ping in bytes. */
  readonly bytes: number;
  readonly port: number;
  /** Word that the target's listener gives. */
  readonly nonce: string;
  /** Seconds that an answer is waited for, 1 to 30. */
  readonly seconds: number;
}

/** What the program does. `run` tells runs apart that meet in one place. */
export type ReachRequest =
  | {
      readonly verb: 'listen';
      readonly run: string;
      readonly nonce: string;
      /** Seconds after which the listeners end by themselves. */
      readonly seconds: number;
      readonly udpPort: number;
      readonly tcpPorts: readonly number[];
    }
  | {
      readonly verb: 'probe';
      readonly probes: readonly Probe[];
      /** How many run at a time. */
      readonly width: number;
    }
  | { readonly verb: 'look'; readonly devices: readonly string[] }
  | { readonly verb: 'collect' | 'stop'; readonly run: string };

/** Exit code of the program where there is no busybox. */
export const noBusybox = 69;

/** Shell text of the program; its words are data. */
const programText = readFileSync(new URL('./program.sh', import.meta.url), 'utf8');
const maxProbes = 500;
const maxListenSeconds = 3600;
const maxDevices = 64;
const deviceName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/;

/** The command line and standard input of a request; `directory` is made by `listen` and removed by `stop`. */
export function composeReach(
  request: ReachRequest,
  directory: string,
): { readonly argv: readonly string[]; readonly input?: string } {
  const call = (...words: readonly (string | number)[]): readonly string[] => [
    'sh',
    '-c',
    programText,
    'sh',
    request.verb,
    ...words.map(String),
  ];
  switch (request.verb) {
    case 'listen': {
      const { nonce, seconds, udpPort, tcpPorts } = request;
      return { argv: call(directory, nonce, seconds, udpPort, ...tcpPorts) };
    }
    case 'probe':
      return { argv: call(request.width), input: request.probes.map(lineOf).join('') };
    case 'look':
      return { argv: call(...request.devices) };
    default:
      return { argv: call(directory) };
  }
}

function lineOf({ id, kind, address, device, bytes, port, nonce, seconds }: Probe): string {
  return `${[id, kind, address, device, bytes, port, nonce, seconds].join(' ')}\n`;
}

/** Checks a request from outside. Throws a PatchbayError `InvalidRequest` that names the field and what is allowed. */
export function parseReachRequest(value: unknown): ReachRequest {
  const fields = recordOf(value, 'the request');
  const verb = fields['verb'];
  switch (verb) {
    case 'listen': {
      const ports = fields['tcpPorts'];
      if (!Array.isArray(ports) || ports.length > 16) {
        throw refuse('tcpPorts', ports, 'a list of at most 16 ports');
      }
      return {
        verb,
        run: wordOf(fields, 'run'),
        nonce: wordOf(fields, 'nonce'),
        seconds: numberOf(fields, 'seconds', 1, maxListenSeconds),
        udpPort: numberOf(fields, 'udpPort', 1, 65_535),
        tcpPorts: ports.map((port: unknown) => numberOf({ tcpPorts: port }, 'tcpPorts', 1, 65_535)),
      };
    }
    case 'probe': {
      const { probes } = fields;
      if (!Array.isArray(probes) || probes.length > maxProbes) {
        throw refuse('probes', probes, `a list of at most ${maxProbes} probes`);
      }
      return { verb, probes: probes.map(parseProbe), width: numberOf(fields, 'width', 1, 64) };
    }
    case 'look': {
      const { devices } = fields;
      if (!Array.isArray(devices) || devices.length > maxDevices) {
        throw refuse('devices', devices, `a list of at most ${maxDevices} names of interfaces`);
      }
      return { verb, devices: devices.map(deviceOf) };
    }
    case 'collect':
    case 'stop':
      return { verb, run: wordOf(fields, 'run') };
    default:
      throw refuse('verb', verb, 'listen, probe, look, collect or stop');
  }
}

function parseProbe(value: unknown): Probe {
  const fields = recordOf(value, 'a probe');
  const { address, device } = fields;
  const kind = probeKinds.find((one) => one === fields['kind']);
  if (kind === undefined) {
    throw refuse('kind', fields['kind'], probeKinds.join(', '));
  }
  if (typeof address !== 'string' || isIP(address) === 0 || address.includes('%')) {
    throw refuse('address', address, 'an IP address without a zone');
  }
  return {
    id: numberOf(fields, 'id', 0, 1_000_000),
    kind,
    address,
    device: device === '-' ? device : deviceOf(device),
    bytes: numberOf(fields, 'bytes', 0, 65_000),
    port: numberOf(fields, 'port', 0, 65_535),
    nonce: wordOf(fields, 'nonce'),
    seconds: numberOf(fields, 'seconds', 1, 30),
  };
}

function deviceOf(value: unknown): string {
  if (typeof value !== 'string' || !deviceName.test(value)) {
    throw refuse('device', value, 'the name of an interface, or in a probe -');
  }
  return value;
}

type Fields = Readonly<Record<string, unknown>>;

function recordOf(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw refuse(what, value, 'a JSON object');
  }
  return value as Fields;
}

function wordOf(fields: Fields, key: string): string {
  const value = fields[key];
  if (typeof value !== 'string' || !/^[a-z0-9]{1,32}$/.test(value)) {
    throw refuse(key, value, '1 to 32 small letters and digits');
  }
  return value;
}

function numberOf(fields: Fields, key: string, least: number, most: number): number {
  const value = fields[key];
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
    throw refuse(key, value, `a whole number from ${least} to ${most}`);
  }
  return value;
}

function refuse(field: string, value: unknown, allowed: string): PatchbayError {
  const seen = JSON.stringify(value)?.slice(0, 60) ?? 'absent';
  return new PatchbayError('InvalidRequest', `${field}: ${seen} is not allowed; allowed is ${allowed}`, {
    retryable: false,
  });
}
