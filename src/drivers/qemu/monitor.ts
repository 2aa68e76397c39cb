/** The QMP connection of one machine: kept open, with what it tells turned into status. */
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import { isObject } from '#wire/qmp/json-lines.ts';
import { QmpClient, type QmpEvent } from '#wire/qmp/qmp.ts';
import type { VmStatus } from './driver.ts';

/** Told by a monitor. */
export type MonitorEvent =
  | { readonly type: 'status'; readonly status: VmStatus }
  | { readonly type: 'reset' }
  | { readonly type: 'agent'; readonly connected: boolean }
  | { readonly type: 'device-deleted'; readonly device: string };

/** A stopped processor whose guest asked for power-off is `shutdown` in QEMU's words, too (`-no-shutdown`). */
const STATUS_OF: Readonly<Record<string, VmStatus>> = {
  running: 'running',
  shutdown: 'shutdown',
  'guest-panicked': 'panicked',
};

/** What QEMU's run state means to us. */
export function statusOf(runState: unknown): VmStatus {
  return STATUS_OF[String(runState)] ?? 'paused';
}

/** What an event means to us; undefined for those that mean nothing. */
export function meaningOf(event: QmpEvent): MonitorEvent | undefined {
  const { name, data } = event;
  switch (name) {
    case 'SHUTDOWN':
      return { type: 'status', status: 'shutdown' };
    case 'STOP':
      return { type: 'status', status: 'paused' };
    case 'RESUME':
      return { type: 'status', status: 'running' };
    case 'GUEST_PANICKED':
      return { type: 'status', status: 'panicked' };
    case 'RESET':
      return { type: 'reset' };
    case 'VSERPORT_CHANGE':
      return data['id'] === 'agent-port' ? { type: 'agent', connected: data['open'] === true } : undefined;
    case 'DEVICE_DELETED':
      return typeof data['device'] === 'string'
        ? { type: 'device-deleted', device: data['device'] }
        : undefined;
    default:
      return undefined;
  }
}

/**
 * Connects to a QEMU that may still be starting: its socket appears when it is ready.
 * @throws PatchbayError `QemuStartFailed` when `hasEnded` says so, or after `timeoutMs`
 */
export async function connectMonitor(
  path: string,
  timeoutMs: number,
  hasEnded: () => boolean,
  handlers: { readonly onEvent: (event: MonitorEvent) => void; readonly onClose: () => void },
): Promise<QmpClient> {
  const deadline = performance.now() + timeoutMs;
  let isOpen = false;
  for (let pause = 2; ; pause = Math.min(pause * 2, 10)) {
    try {
      return await QmpClient.connect(path, {
        timeoutMs: Math.max(1, deadline - performance.now()),
        onEvent: (event) => {
          const meaning = meaningOf(event);
          if (meaning !== undefined) {
            handlers.onEvent(meaning);
          }
        },
        onClose: () => {
          if (isOpen) {
            handlers.onClose();
          }
        },
      }).then((client) => {
        isOpen = true;
        return client;
      });
    } catch (error) {
      if (hasEnded()) {
        throw new PatchbayError('QemuStartFailed', 'QEMU ended before it answered');
      }
      if (performance.now() > deadline) {
        throw new PatchbayError('QemuStartFailed', `QEMU gave no QMP connection: ${messageOf(error)}`, {
          cause: error,
        });
      }
    }
    await delay(pause);
  }
}

/** Present status of a machine, for what happened while nobody listened. */
export async function queryStatus(client: QmpClient): Promise<{ status: VmStatus; agentConnected: boolean }> {
  const [status, chardevs] = await Promise.all([
    client.execute('query-status'),
    client.execute('query-chardev'),
  ]);
  const agent = (Array.isArray(chardevs) ? chardevs : []).find(
    (each) => isObject(each) && each['label'] === 'agent',
  );
  return {
    status: statusOf(isObject(status) ? status['status'] : undefined),
    agentConnected: isObject(agent) && agent['frontend-open'] === true,
  };
}
