import { createMemoryDriver, type MemoryDriver } from '#drivers/memory-driver.ts';
import { NODE } from '#node-state/resource.ts';
import type { InterfaceView, IpDriver, IpResource, RouteView } from './driver.ts';

/** Links and addresses in memory. */
export interface FakeIpDriver extends IpDriver, MemoryDriver<IpResource> {
  /** Calls what was given to `watch`. */
  notify(): void;
}

/** Makes one; `nics` are the node's own, there from the start. */
export function createFakeIpDriver(nics: readonly string[] = []): FakeIpDriver {
  const memory = createMemoryDriver<IpResource>(['netns', 'link', 'address', 'neighbour', 'route']);
  const handlers = new Set<() => void>();
  for (const name of nics) {
    const link = { kind: 'link', netns: NODE, name, device: { type: 'nic' }, up: true, mtu: 1500 } as const;
    memory.resources.set(`link/${NODE}/${name}`, link);
  }
  return {
    ...memory,
    namespaces: async (prefix) =>
      [...memory.resources.values()].flatMap((resource) =>
        resource.kind === 'netns' && resource.netns.startsWith(prefix) ? [resource.netns] : [],
      ),
    interfaces: async () => (await memory.observe(NODE)).flatMap((resource) => viewOf(resource, memory)),
    routes: async () => (await memory.observe(NODE)).flatMap(routeOf),
    watch: (handler, signal) => {
      handlers.add(handler);
      signal.addEventListener('abort', () => handlers.delete(handler), { once: true });
    },
    notify: () => {
      for (const handler of handlers) handler();
    },
    close: async () => undefined,
  };
}

function viewOf(resource: IpResource, memory: MemoryDriver<IpResource>): readonly InterfaceView[] {
  if (resource.kind !== 'link') {
    return [];
  }
  const ipv4 = [...memory.resources.values()].flatMap((other) => {
    if (other.kind !== 'address' || other.netns !== NODE || other.link !== resource.name) return [];
    const [ip = '', length] = other.address.split('/');
    return [{ ip, prefixLength: Number(length) }];
  });
  const kind = resource.device.type === 'nic' ? 'ether' : resource.device.type;
  return [
    {
      name: resource.name,
      index: 1,
      kind,
      mtu: resource.mtu ?? 1500,
      up: resource.up,
      carrier: resource.up,
      ...(resource.mac !== undefined && { mac: resource.mac }),
      ...(resource.port !== undefined && { controller: resource.port.bridge }),
      ipv4,
      ipv6: [],
    },
  ];
}

function routeOf(resource: IpResource): readonly RouteView[] {
  if (resource.kind !== 'route') {
    return [];
  }
  const { destination, link, via, metric = 0 } = resource;
  return [{ destination, link, metric, ...(via !== undefined && { via }) }];
}
