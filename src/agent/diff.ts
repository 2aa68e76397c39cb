/** What is desired against what is observed -> operations, in an order in which each finds what it needs. Pure. */
import type { Link } from '#node-state/link.ts';
import { satisfies } from '#node-state/match.ts';
import {
  type Netns,
  type Operation,
  type Resource,
  type ResourceKind,
  resourceId,
} from '#node-state/resource.ts';

/** Order in which kinds are made; taken away in reverse. */
const kindRank: Readonly<Record<ResourceKind, number>> = {
  netns: 0,
  link: 1,
  address: 5,
  neighbour: 6,
  route: 7,
  sysctl: 8,
  'nft-table': 9,
  'ovs-bridge': 10,
  'ovs-port': 11,
  'ovs-mappings': 12,
  'dhcp-server': 13,
  vm: 14,
};

/** Kinds whose removal means nothing: a kernel parameter keeps its value. */
const notRemovable: ReadonlySet<ResourceKind> = new Set(['sysctl']);

/**
 * Operations that turn `observed` into `desired`; none when they agree. What goes away with something else (the links
 * of a removed namespace, the addresses of a removed link) is not removed by itself.
 */
export function diff(desired: readonly Resource[], observed: readonly Resource[]): readonly Operation[] {
  const wanted = byId(desired);
  const there = byId(observed);
  const replaced = new Set(
    [...wanted].flatMap(([id, to]) => {
      const from = there.get(id);
      return from !== undefined && mustReplace(from, to) ? [id] : [];
    }),
  );
  const removed = observed.filter((resource) => {
    const id = resourceId(resource);
    return replaced.has(id) || (!wanted.has(id) && isRemovable(resource));
  });
  const lost = lostWith(removed);
  const makes = [...wanted].flatMap(([id, to]): Operation[] => {
    const from = there.get(id);
    if (from === undefined || replaced.has(id) || lost.has(from)) {
      return [{ op: 'create', to }];
    }
    const left = lost.isDetached(from) ? detached(from) : from;
    return satisfies(to, left) ? [] : [{ op: 'update', from: left, to }];
  });
  const takes = removed
    .filter((resource) => !lost.has(resource))
    .map((from): Operation => ({ op: 'delete', from }));
  return [...takes.sort((a, b) => rankOf(b) - rankOf(a)), ...makes.sort((a, b) => rankOf(a) - rankOf(b))];
}

function byId(resources: readonly Resource[]): Map<string, Resource> {
  return new Map(resources.map((resource) => [resourceId(resource), resource]));
}

function isRemovable(resource: Resource): boolean {
  return !notRemovable.has(resource.kind) && !(resource.kind === 'link' && resource.device.type === 'nic');
}

interface Lost {
  has(resource: Resource): boolean;
  isDetached(resource: Resource): boolean;
}

/** What disappears with namespaces and links that are removed. */
function lostWith(removed: readonly Resource[]): Lost {
  const namespaces = new Set<Netns>(
    removed.flatMap((resource) => (resource.kind === 'netns' ? [resource.netns] : [])),
  );
  const links = new Set(
    removed.flatMap((resource) => (resource.kind === 'link' ? [`${resource.netns}/${resource.name}`] : [])),
  );
  const onLink = (resource: Resource): boolean =>
    (resource.kind === 'address' || resource.kind === 'neighbour' || resource.kind === 'route') &&
    links.has(`${resource.netns}/${resource.link}`);
  return {
    has: (resource) =>
      onLink(resource) || ('netns' in resource && namespaces.has(resource.netns) && goesWithNetns(resource)),
    isDetached: (resource) =>
      resource.kind === 'link' &&
      resource.port !== undefined &&
      links.has(`${resource.netns}/${resource.port.bridge}`),
  };
}

/** A pair is removed by its end in the node: the kernel takes a namespace down later, and the name must be free at once. */
function goesWithNetns(resource: Resource): boolean {
  switch (resource.kind) {
    case 'link':
      return resource.device.type !== 'veth';
    case 'address':
    case 'neighbour':
    case 'route':
    case 'sysctl':
    case 'nft-table':
      return true;
    default:
      return false;
  }
}

function detached(resource: Resource): Resource {
  if (resource.kind !== 'link') {
    return resource;
  }
  const { port: _port, ...rest } = resource;
  return rest;
}

/** True when `from` cannot be changed into `to` in place. */
function mustReplace(from: Resource, to: Resource): boolean {
  if (from.kind === 'route' && to.kind === 'route') {
    return to.metric !== undefined && from.metric !== to.metric;
  }
  if (from.kind !== 'link' || to.kind !== 'link') {
    return false;
  }
  return from.device.type !== 'nic' && (from.device.type !== to.device.type || madeDifferently(from, to));
}

function madeDifferently(from: Link, to: Link): boolean {
  const a = from.device;
  const b = to.device;
  if (a.type === 'veth' && b.type === 'veth') {
    return a.peer.name !== b.peer.name || a.peer.netns !== b.peer.netns;
  }
  if (a.type === 'tap' && b.type === 'tap') {
    return a.owner !== b.owner || a.queues > 1 !== b.queues > 1;
  }
  if (a.type === 'vlan' && b.type === 'vlan') {
    return a.parent !== b.parent || a.id !== b.id || (a.protocol ?? '802.1q') !== (b.protocol ?? '802.1q');
  }
  if (a.type === 'macvlan' && b.type === 'macvlan') {
    return a.parent !== b.parent || a.mode !== b.mode;
  }
  return a.type === 'dummy' && to.mac !== undefined && from.mac !== to.mac;
}

function rankOf(operation: Operation): number {
  const resource = operation.op === 'delete' ? operation.from : operation.to;
  return resource.kind === 'link' ? kindRank.link + linkRank(resource) : kindRank[resource.kind];
}

/** Links that others stand on come first, then those that need a parent, then ports. */
function linkRank(link: Link): number {
  if (link.port !== undefined) {
    return 2;
  }
  return link.device.type === 'vlan' || link.device.type === 'macvlan' ? 1 : 0;
}
