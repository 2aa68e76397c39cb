/** This node as a Node object. Pure. */
import type { Node, NodeStatus } from '#api/core/node.ts';
import { geneveOverhead } from '#api/k8s.cni.cncf.io/ovn-network.ts';
import type { Condition } from '#api/meta.ts';
import type { ProbeRecord } from '#drivers/probe/record.ts';
import { timestamp } from '#machinery/clock.ts';
import { setCondition } from '#machinery/conditions.ts';

/** What the machine is. */
export interface MachineFacts {
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  readonly kernelVersion: string;
  readonly osImage: string;
  readonly machineId: string;
  readonly bootId: string;
  /** Go's name: `amd64`, `arm64`. */
  readonly architecture: string;
  /** Of Patchbay. */
  readonly version: string;
}

/** What a Node is composed from. */
export interface NodeInput {
  readonly nodeName: string;
  /** Addresses that others reach, the primary family first. */
  readonly addresses: readonly string[];
  readonly port: number;
  readonly machine: MachineFacts;
  readonly probes: readonly ProbeRecord[];
  /** Linux bridges, and Open vSwitch bridges that stand for one. */
  readonly bridges: readonly string[];
  /** Largest packet of the pod network, bytes. */
  readonly podMtu: number;
  /** Largest packet of the interface that tunnels leave by, bytes; undefined while there is none. */
  readonly underlayMtu: number | undefined;
  readonly now: number;
}

/** Annotation with what was probed and chosen, as JSON. */
const probesAnnotation = 'patchbay.io/probes';
/** As bridge-marker publishes bridges. */
const bridgeResource = 'bridge.network.kubevirt.io/';

/** Labels and annotations that are ours. */
export function nodeMetadata(input: NodeInput): {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
} {
  const { nodeName, machine, probes } = input;
  return {
    labels: {
      'kubernetes.io/hostname': nodeName,
      'kubernetes.io/os': 'linux',
      'kubernetes.io/arch': machine.architecture,
      'beta.kubernetes.io/os': 'linux',
      'beta.kubernetes.io/arch': machine.architecture,
      'node-role.kubernetes.io/worker': '',
      'kubevirt.io/schedulable': 'true',
    },
    annotations: { [probesAnnotation]: JSON.stringify(probes) },
  };
}

/** Composes the status; resources and conditions of others are kept. */
export function nodeStatus(before: Node['status'], input: NodeInput): NodeStatus {
  const { machine } = input;
  const resources = {
    ...withoutBridges(before?.capacity),
    cpu: String(machine.cpus),
    memory: `${Math.floor(machine.memory / 1024)}Ki`,
    pods: '110',
    ...Object.fromEntries(input.bridges.map((name) => [`${bridgeResource}${name}`, '1k'])),
  };
  return {
    ...before,
    capacity: resources,
    allocatable: resources,
    addresses: [
      ...input.addresses.map((address) => ({ type: 'InternalIP', address })),
      { type: 'Hostname', address: input.nodeName },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: input.port } },
    nodeInfo: {
      machineID: machine.machineId,
      systemUUID: machine.machineId,
      bootID: machine.bootId,
      kernelVersion: machine.kernelVersion,
      osImage: machine.osImage,
      containerRuntimeVersion: `patchbay://${machine.version}`,
      kubeletVersion: `v1.36.0-patchbay.${machine.version}`,
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: machine.architecture,
    },
    conditions: [...nodeConditions(before, input)],
  };
}

/** Bridges that are gone leave no resource behind; merge patches need them named, which the differ does. */
function withoutBridges(capacity: NodeStatus['capacity']): NonNullable<NodeStatus['capacity']> {
  return Object.fromEntries(
    Object.entries(capacity ?? {}).filter(([name]) => !name.startsWith(bridgeResource)),
  );
}

function nodeConditions(before: Node['status'], input: NodeInput): readonly Condition[] {
  const known = ((before?.conditions ?? []) as readonly Condition[]).map(withoutNulls);
  let conditions: readonly Condition[] = known;
  const claims = [
    ['MemoryPressure', 'False', 'NodeHasSufficientMemory', 'the node has sufficient memory available'],
    ['DiskPressure', 'False', 'NodeHasNoDiskPressure', 'the node has no disk pressure'],
    ['PIDPressure', 'False', 'NodeHasSufficientPID', 'the node has sufficient PID available'],
    ['Ready', 'True', 'AgentReady', 'the agent is posting ready status'],
  ] as const;
  for (const [type, status, reason, message] of [...claims, mtuClaim(input)]) {
    conditions = setCondition(conditions, { type, status, reason, message }, input.now);
  }
  return conditions.map((condition) => confirmed(condition, known, input.now));
}

/** A heartbeat moves with what the condition says: the node's lease beats, and an unchanged status is not written again. */
function confirmed(condition: Condition, known: readonly Condition[], now: number): Condition {
  return condition.lastHeartbeatTime !== undefined && known.includes(condition)
    ? condition
    : { ...condition, lastHeartbeatTime: timestamp(now) };
}

/** Packets of full size are lost, without a word, on a path whose underlay is narrower than the pod network needs. */
function mtuClaim({
  podMtu,
  underlayMtu,
}: NodeInput): readonly [string, 'True' | 'False' | 'Unknown', string, string] {
  const type = 'NetworkMTUMismatch';
  const needed = podMtu + geneveOverhead;
  if (underlayMtu === undefined) {
    return [type, 'Unknown', 'UnderlayUnknown', 'no interface has the address of the node'];
  }
  const have = `the underlay carries ${underlayMtu} bytes; the pod network's MTU ${podMtu} needs ${needed}`;
  return underlayMtu < needed
    ? [
        type,
        'True',
        'UnderlayMTUTooSmall',
        `${have}: larger packets to other nodes are lost. Raise the MTU of the node's interface to ${needed}, or lower that of the network`,
      ]
    : [type, 'False', 'UnderlayMTUSufficient', have];
}

function withoutNulls(condition: Condition): Condition {
  return Object.fromEntries(
    Object.entries(condition).filter(([, value]) => value !== null),
  ) as unknown as Condition;
}
