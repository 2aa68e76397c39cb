/** Turns what a guest agent returned into values of ours. Everything is checked: it is the guest's word. */
import { PatchbayError } from '#machinery/errors.ts';
import { isObject } from '#wire/qmp/json-lines.ts';
import type { GuestInterface, GuestOs } from './driver.ts';

/** More than any guest has; a longer list is cut. */
const MAX_INTERFACES = 256;
const MAX_ADDRESSES = 256;
const MAX_TEXT = 256;
const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;
const IPV4 = /^\d{1,3}(\.\d{1,3}){3}$/;
const IPV6 = /^[0-9a-f:.]{2,45}$/;

/** A short text without control characters; undefined for anything else. */
export function guestText(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '') {
    return undefined;
  }
  // Control and format characters would reach terminals and status fields.
  return value.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '').slice(0, MAX_TEXT);
}

/** `guest-network-get-interfaces`. @throws PatchbayError `GuestAgentProtocol` */
export function parseInterfaces(reply: unknown): readonly GuestInterface[] {
  if (!Array.isArray(reply)) {
    throw protocolError('guest-network-get-interfaces returned no list');
  }
  return reply.slice(0, MAX_INTERFACES).flatMap((each: unknown): readonly GuestInterface[] => {
    const name = isObject(each) ? guestText(each['name']) : undefined;
    if (!isObject(each) || name === undefined || name === 'lo') {
      return [];
    }
    const mac = guestText(each['hardware-address'])?.toLowerCase();
    const addresses = Array.isArray(each['ip-addresses']) ? each['ip-addresses'] : [];
    return [
      {
        name,
        ...(mac !== undefined && MAC.test(mac) && mac !== '00:00:00:00:00:00' ? { mac } : {}),
        addresses: parseAddresses(addresses.slice(0, MAX_ADDRESSES)),
      },
    ];
  });
}

function parseAddresses(addresses: readonly unknown[]): readonly string[] {
  const of = (type: string, pattern: RegExp, bits: number): readonly string[] =>
    addresses.flatMap((each) => {
      if (!isObject(each) || each['ip-address-type'] !== type) {
        return [];
      }
      const address = guestText(each['ip-address'])?.toLowerCase() ?? '';
      const prefix = Number(each['prefix']);
      const isValid = pattern.test(address) && Number.isInteger(prefix) && prefix >= 0 && prefix <= bits;
      return isValid ? [`${address}/${prefix}`] : [];
    });
  return [...of('ipv4', IPV4, 32), ...of('ipv6', IPV6, 128)];
}

/** `guest-get-osinfo`. @throws PatchbayError `GuestAgentProtocol` */
export function parseOsInfo(reply: unknown): GuestOs {
  if (!isObject(reply)) {
    throw protocolError('guest-get-osinfo returned no object');
  }
  const fields: readonly (readonly [keyof GuestOs, string])[] = [
    ['id', 'id'],
    ['name', 'name'],
    ['prettyName', 'pretty-name'],
    ['version', 'version'],
    ['versionId', 'version-id'],
    ['kernelRelease', 'kernel-release'],
    ['kernelVersion', 'kernel-version'],
    ['machine', 'machine'],
  ];
  return Object.fromEntries(
    fields.flatMap(([key, wire]) => {
      const text = guestText(reply[wire]);
      return text === undefined ? [] : [[key, text]];
    }),
  );
}

/** `guest-get-host-name`. @throws PatchbayError `GuestAgentProtocol` */
export function parseHostname(reply: unknown): string {
  const name = isObject(reply) ? guestText(reply['host-name']) : undefined;
  if (name === undefined) {
    throw protocolError('guest-get-host-name returned no name');
  }
  return name;
}

/** Process id of `guest-exec`. @throws PatchbayError `GuestAgentProtocol` */
export function parseExecPid(reply: unknown): number {
  const pid = isObject(reply) ? reply['pid'] : undefined;
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid)) {
    throw protocolError('guest-exec returned no process id');
  }
  return pid;
}

/** State of a command: undefined while it runs. @throws PatchbayError `GuestAgentProtocol` */
export function parseExecStatus(
  reply: unknown,
): { exitCode: number; stdout: string; stderr: string; truncated: boolean } | undefined {
  if (!isObject(reply) || typeof reply['exited'] !== 'boolean') {
    throw protocolError('guest-exec-status returned no state');
  }
  if (!reply['exited']) {
    return undefined;
  }
  const code = Number(reply['exitcode'] ?? Number.NaN);
  const signal = Number(reply['signal'] ?? Number.NaN);
  return {
    exitCode: Number.isInteger(code) ? code : Number.isInteger(signal) ? 128 + signal : 255,
    stdout: base64(reply['out-data']),
    stderr: base64(reply['err-data']),
    truncated: reply['out-truncated'] === true || reply['err-truncated'] === true,
  };
}

function base64(value: unknown): string {
  return typeof value === 'string' ? Buffer.from(value, 'base64').toString() : '';
}

function protocolError(what: string): PatchbayError {
  return new PatchbayError('GuestAgentProtocol', `guest agent: ${what}`);
}
