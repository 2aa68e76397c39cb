/** What a policy would run into on the nodes. */
import { nearest } from '../../cause.ts';
import { node } from '../../core/node.ts';
import type { AdmissionRequest } from '../../kind.ts';
import type { KubeObject } from '../../meta.ts';
import { nodeNetworkState } from '../node-network-state.ts';
import { entriesOf, interfacesOf, isPart, isTemplate, type Part, partOf } from './desired-state.ts';
import { bondModes } from './interface-rules.ts';
import { unknownKeyWarnings } from './known-keys.ts';

type View = Pick<AdmissionRequest<KubeObject>, 'list'>;
type Selector = Readonly<Record<string, string>>;

const FIELD = 'spec.desiredState';
const STATE_KEYS = [
  'interfaces',
  'routes',
  'route-rules',
  'dns-resolver',
  'ovn',
  'ovs-db',
  'hostname',
  'description',
];
/** Modes that do not work under a bridge with virtual machines, by number. */
const UNSUITABLE = new Set([0, 5, 6]);

export function warnAboutPolicy(
  state: unknown,
  selector: Selector | undefined,
  view: View,
): readonly string[] {
  if (!isPart(state)) return [];
  const nodes = matchingNodes(selector ?? {}, view);
  return [
    ...unknownPartWarnings(state),
    ...unknownKeyWarnings(state),
    ...bondWarnings(state),
    ...selectorWarnings(selector, nodes, view),
    ...portWarnings(state, nodes, view),
  ];
}

function unknownPartWarnings(state: Part): readonly string[] {
  return Object.keys(state)
    .filter((key) => !STATE_KEYS.includes(key))
    .map((key) => {
      const near = nearest(key, STATE_KEYS);
      const hint =
        near === undefined
          ? `known parts: ${STATE_KEYS.join(', ')}`
          : `did you mean ${JSON.stringify(near)}?`;
      return `${FIELD}.${key}: not a part of a network state, so it does nothing; ${hint}`;
    });
}

/** Ports of every Linux bridge. */
function bridgePorts(state: Part) {
  return entriesOf(state, 'interfaces', FIELD)
    .filter(({ part }) => part['type'] === 'linux-bridge' && part['state'] !== 'absent')
    .flatMap(({ part, field }) =>
      entriesOf(partOf(part, 'bridge'), 'port', `${field}.bridge`).map((port) => ({
        bridge: part['name'],
        ...port,
      })),
    );
}

function bondWarnings(state: Part): readonly string[] {
  const ports = bridgePorts(state);
  return entriesOf(state, 'interfaces', FIELD).flatMap(({ part, field }) => {
    const mode = partOf(part, 'link-aggregation')['mode'];
    const number = bondModes.includes(String(mode)) ? bondModes.indexOf(String(mode)) : Number(mode);
    const above = ports.find(({ part: port }) => port['name'] === part['name']);
    if (part['type'] !== 'bond' || above === undefined || !UNSUITABLE.has(number)) return [];
    return [
      `${field}.link-aggregation.mode: mode ${number} (${bondModes[number]}) does not work under the bridge ${String(above.bridge)} with virtual machines; use active-backup (1), balance-xor (2) or 802.3ad (4)`,
    ];
  });
}

function matchingNodes(selector: Selector, view: View): readonly KubeObject[] {
  return view
    .list(node)
    .filter(({ metadata }) =>
      Object.entries(selector).every(([key, value]) => metadata.labels?.[key] === value),
    );
}

function selectorWarnings(
  selector: Selector | undefined,
  nodes: readonly KubeObject[],
  view: View,
): readonly string[] {
  if (selector === undefined || nodes.length > 0 || view.list(node).length === 0) return [];
  const pairs = Object.entries(selector).map(([key, value]) => `${key}=${value}`);
  return [
    `spec.nodeSelector: no node has the labels ${pairs.join(', ')}; the policy does nothing until one has`,
  ];
}

/** Bridge ports that are neither on a matching node nor made by the policy itself. */
function portWarnings(state: Part, nodes: readonly KubeObject[], view: View): readonly string[] {
  const names = new Set(nodes.map(({ metadata }) => metadata.name));
  const states = view.list(nodeNetworkState).filter(({ metadata }) => names.has(metadata.name));
  if (states.length === 0) return [];
  const made = interfacesOf(state).map(({ name }) => String(name));
  const there = new Set(
    states.flatMap((one) =>
      interfacesOf((one as { status?: { currentState?: unknown } }).status?.currentState).map(({ name }) =>
        String(name),
      ),
    ),
  );
  return bridgePorts(state).flatMap(({ part: { name }, field }) => {
    if (typeof name !== 'string' || isTemplate(name) || made.includes(name) || there.has(name)) return [];
    const near = nearest(name, [...there]);
    const hint =
      near === undefined
        ? `there are: ${[...there].sort().join(', ')}`
        : `did you mean ${JSON.stringify(near)}?`;
    return [`${field}.name: no matching node has an interface ${JSON.stringify(name)}; ${hint}`];
  });
}
