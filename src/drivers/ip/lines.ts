/** Operations on links, addresses, routes and namespaces -> lines for `ip -batch`, `bridge -batch` and `ethtool`. Pure. */
import { PatchbayError } from '#machinery/errors.ts';
import type { Link, LinkType } from '#node-state/link.ts';
import { type Netns, NODE, type Operation } from '#node-state/resource.ts';
import type { IpResource } from './driver.ts';
import { portSteps, type Step } from './port-lines.ts';
import { bridgeWords, plainText, routeWords, whole, word } from './words.ts';

/** What is constant for a node. */
export interface LineContext {
  /** Our tag; link aliases start with `patchbay:<tag>`. */
  readonly tag: string;
  /** Kind that stands for `dummy` here. */
  readonly dummyKind: 'dummy' | 'ifb';
}

const gone =
  /Cannot find device|does not exist|No such (device|process|file)|Cannot (open|remove) network namespace|Cannot assign requested address/;
const there = /File exists/;

/** Marks a link whose offloads were turned off; kept on the end that lives in the node's namespace. */
export const rawMark = 'raw';

/** The lines that carry out one operation. */
export function stepsOf(operation: Operation<IpResource>, context: LineContext): readonly Step[] {
  if (operation.op === 'delete') {
    return removeSteps(operation.from);
  }
  const { to } = operation;
  const from = operation.op === 'update' ? operation.from : undefined;
  switch (to.kind) {
    case 'netns':
      return [
        { stage: 'make', tool: 'ip', netns: NODE, line: `netns add ${word(to.netns)}`, tolerate: there },
      ];
    case 'link':
      return linkSteps(to, from?.kind === 'link' ? from : undefined, context);
    case 'address':
      return [
        set(to.netns, `addr replace ${word(to.address)} dev ${word(to.link)}${to.noDad ? ' nodad' : ''}`),
      ];
    case 'neighbour':
      return [
        set(
          to.netns,
          `neigh replace ${word(to.address)} lladdr ${word(to.mac)} dev ${word(to.link)} nud permanent`,
        ),
      ];
    case 'route':
      return [
        set(to.netns, `route replace ${routeWords(to.destination, to.via, to.link, to.metric, to.mtu)}`),
      ];
  }
}

function removeSteps(from: IpResource): readonly Step[] {
  const undo = (line: string): Step => ({
    stage: 'undo',
    tool: 'ip',
    netns: from.netns,
    line,
    tolerate: gone,
  });
  switch (from.kind) {
    case 'netns':
      return [
        { stage: 'remove', tool: 'ip', netns: NODE, line: `netns del ${word(from.netns)}`, tolerate: gone },
      ];
    case 'link':
      return removeLink(from, undo);
    case 'address':
      return [undo(`addr del ${word(from.address)} dev ${word(from.link)}`)];
    case 'neighbour':
      return [undo(`neigh del ${word(from.address)} dev ${word(from.link)}`)];
    case 'route':
      return [undo(`route del ${routeWords(from.destination, from.via, from.link, from.metric)}`)];
  }
}

function removeLink(from: Link, undo: (line: string) => Step): readonly Step[] {
  switch (from.device.type) {
    case 'nic':
      // Not ours to delete: it is only let go.
      return from.port === undefined ? [] : [undo(`link set dev ${word(from.name)} nomaster`)];
    case 'veth':
      return [
        {
          stage: 'remove',
          tool: 'ip',
          netns: NODE,
          line: `link del dev ${word(from.device.peer.name)}`,
          tolerate: gone,
        },
      ];
    default:
      return [undo(`link del dev ${word(from.name)}`)];
  }
}

function linkSteps(to: Link, from: Link | undefined, context: LineContext): readonly Step[] {
  const steps: Step[] = [];
  if (from === undefined) {
    steps.push(...makeLink(to, context));
  } else if (to.device.type === 'bridge') {
    steps.push(set(to.netns, `link set dev ${word(to.name)} type bridge${bridgeWords(to.device)}`));
  } else if (to.device.type === 'veth') {
    steps.push(...hostEndSteps(to, to.device));
  }
  if (from?.port !== undefined && from.port.bridge !== to.port?.bridge) {
    steps.push(set(to.netns, `link set dev ${word(to.name)} nomaster`));
  }
  steps.push(set(to.netns, settings(to, aliasOf(to, context))));
  steps.push(...portSteps(to.netns, to.name, to.port));
  if (to.offload === false) {
    steps.push(...offloadSteps(to));
  }
  return steps;
}

function makeLink(link: Link, context: LineContext): readonly Step[] {
  const name = word(link.name);
  const device = link.device;
  const make = (netns: Netns, line: string, tolerate = there): Step => ({
    stage: 'make',
    tool: 'ip',
    netns,
    line,
    tolerate,
  });
  const here = link.netns === NODE ? 'make' : 'set';
  const inside = (line: string, tolerate = there): Step => ({
    stage: here,
    tool: 'ip',
    netns: link.netns,
    line,
    tolerate,
  });
  const moved = link.netns === NODE ? '' : ` netns ${word(link.netns)}`;
  switch (device.type) {
    case 'veth':
      return makeVeth(link, device, make);
    case 'bridge':
      return [inside(`link add name ${name} type bridge${bridgeWords(device)}`)];
    case 'tap': {
      const queues = device.queues > 1 ? ' multi_queue' : '';
      return [
        inside(`tuntap add dev ${name} mode tap user ${whole(device.owner)}${queues}`, /busy|File exists/),
      ];
    }
    case 'dummy':
      return [
        inside(
          `link add name ${name}${link.mac === undefined ? '' : ` address ${word(link.mac)}`} type ${context.dummyKind}`,
        ),
      ];
    case 'vlan': {
      const protocol = device.protocol === undefined ? '' : ` protocol ${device.protocol}`;
      return [
        make(
          NODE,
          `link add link ${word(device.parent)} name ${name}${moved} type vlan${protocol} id ${whole(device.id)}`,
        ),
      ];
    }
    case 'macvlan':
      return [
        make(
          NODE,
          `link add link ${word(device.parent)} name ${name}${moved} type macvlan mode ${device.mode}`,
        ),
      ];
    case 'bond': {
      const options = Object.entries(device.options).map(([key, value]) => ` ${word(key)} ${word(value)}`);
      return [inside(`link add name ${name} type bond mode ${word(device.mode)}${options.join('')}`)];
    }
    case 'nic':
      return [];
  }
}

/** The peer may not be `up` in the line that makes the pair: the kernel (6.18) answers ENOTCONN. */
function makeVeth(
  link: Link,
  device: Extract<LinkType, { type: 'veth' }>,
  make: (netns: Netns, line: string) => Step,
): readonly Step[] {
  const { peer } = device;
  if (peer.netns !== NODE) {
    throw new PatchbayError(
      'UnsupportedLink',
      `veth ${link.name}: the peer must be in the node's network namespace`,
      {
        retryable: false,
      },
    );
  }
  const mtu = link.mtu === undefined ? '' : ` mtu ${whole(link.mtu)}`;
  const netns = link.netns === NODE ? '' : ` netns ${word(link.netns)}`;
  return [
    make(NODE, `link add name ${word(peer.name)}${mtu} type veth peer name ${word(link.name)}${netns}${mtu}`),
    ...hostEndSteps(link, device),
  ];
}

function hostEndSteps(link: Link, device: Extract<LinkType, { type: 'veth' }>): readonly Step[] {
  const { peer } = device;
  const mtu = link.mtu === undefined ? '' : ` mtu ${whole(link.mtu)}`;
  const master = peer.port === undefined ? '' : ` master ${word(peer.port.bridge)}`;
  const line = `link set dev ${word(peer.name)}${mtu}${master} alias ${hostAlias(link)} up`;
  return [{ stage: 'make', tool: 'ip', netns: NODE, line }, ...portSteps(NODE, peer.name, peer.port, 'make')];
}

function settings(link: Link, alias: string | undefined): string {
  const words = [`link set dev ${word(link.name)}`];
  // An ifb that stands for a dummy takes its MAC only when it is made.
  if (link.mac !== undefined && link.device.type !== 'dummy') words.push(`address ${word(link.mac)}`);
  if (link.mtu !== undefined) words.push(`mtu ${whole(link.mtu)}`);
  if (link.port !== undefined) words.push(`master ${word(link.port.bridge)}`);
  // A port in a sandbox only passes frames on: no address of its own that would speak into the guest's network.
  if (link.port !== undefined && link.netns !== NODE) words.push('addrgenmode none');
  if (alias !== undefined) words.push(`alias ${alias}`);
  if (link.arp !== undefined) words.push(`arp ${link.arp ? 'on' : 'off'}`);
  words.push(link.up ? 'up' : 'down');
  return words.join(' ');
}

function offloadSteps(link: Link): readonly Step[] {
  // Beside the other settings where the link is there by then.
  const stage = link.device.type === 'veth' || link.device.type === 'nic' ? 'set' : 'finish';
  const steps: Step[] = [{ stage, tool: 'ethtool', netns: link.netns, line: word(link.name) }];
  if (link.device.type === 'veth') {
    // Written last and through the resident helper: the mark stands only when the offloads are off.
    const line = `link set dev ${word(link.device.peer.name)} alias ${hostAlias(link, rawMark)}`;
    steps.push({ stage: 'mark', tool: 'ip', netns: NODE, line });
  }
  return steps;
}

/** Alias of the node's end of a sandbox's pair: the sandbox it belongs to. */
function hostAlias(link: Link, mark = ''): string {
  return mark === '' ? `patchbay:${word(link.netns)}` : `"patchbay:${word(link.netns)} ${mark}"`;
}

function aliasOf(link: Link, context: LineContext): string | undefined {
  if (link.device.type === 'nic') {
    return undefined;
  }
  const description = link.description === undefined ? '' : ` ${plainText(link.description)}`;
  return `"patchbay:${word(context.tag)}${description}"`;
}

function set(netns: Netns, line: string): Step {
  return { stage: netns === NODE ? 'make' : 'set', tool: 'ip', netns, line };
}
