/** A VMI's status from what its QEMU, its guest agent and its pod tell. Pure. */

import type {
  VirtualMachineInstance,
  VirtualMachineInstanceStatus,
} from '#api/kubevirt.io/virtual-machine-instance.ts';
import type { Condition } from '#api/meta.ts';
import type { GuestInterface, GuestOs } from '#drivers/guest/driver.ts';
import type { Patch } from '#machinery/api-client.ts';
import { timestamp } from '#machinery/clock.ts';
import { type ConditionClaim, hasCondition, removeCondition, setCondition } from '#machinery/conditions.ts';
import { statusPatch } from '#machinery/status-patch.ts';
import type { VirtualMachineState } from '#node-state/vm.ts';
import { cardsOf } from './compose-cards.ts';
import { statusInterfaces } from './report-interfaces.ts';
import type { NetworkStatus } from './selection.ts';

/** What is known of a guest through its agent. */
export interface GuestView {
  readonly interfaces: readonly GuestInterface[];
  readonly os?: GuestOs;
}

/** What a VMI's status is composed from. */
export interface VmiReport {
  readonly vmi: VirtualMachineInstance;
  readonly vm: VirtualMachineState;
  readonly status: 'running' | 'paused';
  /** Undefined while the agent is not connected; `pending` while it is and has not answered yet. */
  readonly guest: GuestView | 'pending' | undefined;
  readonly networks: readonly NetworkStatus[];
  readonly now: number;
}

/** The one patch of a VMI's status; undefined when it is so already. */
export function vmiPatch(report: VmiReport): Patch | undefined {
  const { vmi } = report;
  return statusPatch(vmi.status, vmiStatus(report), { resourceVersion: vmi.metadata.resourceVersion });
}

/** Composes the status of a VMI whose QEMU runs. */
export function vmiStatus(report: VmiReport): VirtualMachineInstanceStatus {
  const { vmi, vm, now } = report;
  const before = vmi.status ?? {};
  // What an agent told before is kept until it tells again: our restart is no news.
  const wasConnected = hasCondition(before.conditions, 'AgentConnected');
  const isKept = report.guest === 'pending' && wasConnected;
  const guest = report.guest === 'pending' ? undefined : report.guest;
  const phases = before.phaseTransitionTimestamps ?? [];
  const reached = { phase: 'Running', phaseTransitionTimestamp: timestamp(now) };
  return {
    ...before,
    phase: 'Running',
    phaseTransitionTimestamps: phases.some(({ phase }) => phase === 'Running')
      ? phases
      : [...phases, reached],
    interfaces: isKept ? before.interfaces : [...statusInterfaces({ ...report, guest })],
    conditions: [...vmiConditions(report, guest !== undefined || isKept)],
    machine: { type: vm.machine },
    currentCPUTopology: { sockets: vm.cpu.sockets, cores: vm.cpu.cores, threads: vm.cpu.threads },
    memory: {
      guestAtBoot: `${vm.memoryMiB}Mi`,
      guestCurrent: `${vm.memoryMiB}Mi`,
      guestRequested: `${vm.memoryMiB}Mi`,
    },
    ...(guest?.os !== undefined && { guestOSInfo: guest.os }),
  };
}

function vmiConditions(report: VmiReport, isConnected: boolean): readonly Condition[] {
  const { vmi, status, now } = report;
  const isPaused = status === 'paused';
  let conditions: readonly Condition[] = vmi.status?.conditions ?? [];
  const claim = (one: ConditionClaim): void => {
    conditions = setCondition(conditions, one, now);
  };
  claim(
    isPaused
      ? { type: 'Ready', status: 'False', reason: 'GuestNotRunning', message: 'The guest is paused.' }
      : { type: 'Ready', status: 'True' },
  );
  claim(migratable(vmi));
  if (isPaused) {
    claim({ type: 'Paused', status: 'True', reason: 'PausedByUser', message: 'VMI was paused by user' });
  } else {
    conditions = removeCondition(conditions, 'Paused');
  }
  if (!isConnected) {
    return removeCondition(conditions, 'AgentConnected');
  }
  claim({ type: 'AgentConnected', status: 'True' });
  return conditions;
}

const migrationAnnotation = 'kubevirt.io/allow-pod-bridge-network-live-migration';

/** With a pod network, the primary card must be behind masquerade (or explicitly allowed). */
function migratable(vmi: VirtualMachineInstance): ConditionClaim {
  const primary = cardsOf(vmi.spec).find(({ network }) => network.pod !== undefined);
  const isFree =
    primary === undefined ||
    primary.interface.masquerade !== undefined ||
    primary.interface.binding?.name === 'l2bridge' ||
    vmi.metadata.annotations?.[migrationAnnotation] !== undefined;
  return isFree
    ? { type: 'LiveMigratable', status: 'True' }
    : {
        type: 'LiveMigratable',
        status: 'False',
        reason: 'InterfaceNotLiveMigratable',
        message: `cannot migrate VMI which does not use masquerade, bridge with ${migrationAnnotation} VM annotation or a migratable plugin to connect to the pod network`,
      };
}
