import type { Link, Route } from '#node-state/link.ts';
import type { OvsBridge } from '#node-state/ovs.ts';
import { NODE, type Resource, resourceId } from '#node-state/resource.ts';

/** A node's network while a policy is laid over it: resources by identity. */
export class NetworkDraft {
  readonly #byId: Map<string, Resource>;

  constructor(resources: readonly Resource[]) {
    this.#byId = new Map(resources.map((resource) => [resourceId(resource), resource]));
  }

  resources(): readonly Resource[] {
    return [...this.#byId.values()];
  }

  /** Adds a resource, or replaces the one of the same identity. */
  put(resource: Resource): void {
    this.#byId.set(resourceId(resource), resource);
  }

  link(name: string): Link | undefined {
    const found = this.#byId.get(`link/${NODE}/${name}`);
    return found?.kind === 'link' ? found : undefined;
  }

  ovsBridge(name: string): OvsBridge | undefined {
    const found = this.#byId.get(`ovs-bridge/${name}`);
    return found?.kind === 'ovs-bridge' ? found : undefined;
  }

  mappings(): Readonly<Record<string, string>> {
    const found = this.#byId.get('ovs-mappings');
    return found?.kind === 'ovs-mappings' ? found.mappings : {};
  }

  /** Takes a link off every bridge. */
  detach(name: string): void {
    this.#byId.delete(`ovs-port/${name}`);
    const link = this.link(name);
    if (link?.port !== undefined) {
      const { port: _port, ...rest } = link;
      this.put(rest);
    }
  }

  /** Names of the links on a bridge, of either make. */
  portsOf(bridge: string): readonly string[] {
    return this.resources().flatMap((resource) => {
      const isPort =
        (resource.kind === 'ovs-port' && resource.bridge === bridge) ||
        (resource.kind === 'link' && resource.port?.bridge === bridge);
      return isPort ? [resource.name] : [];
    });
  }

  /** Takes an interface away with its addresses and routes; a NIC stays, but loses bridge and addresses. */
  removeInterface(name: string): void {
    for (const port of this.portsOf(name)) {
      this.detach(port);
    }
    this.detach(name);
    this.#byId.delete(`ovs-bridge/${name}`);
    this.removeAddresses(name, () => true);
    this.removeRoutes((route) => route.link === name);
    if (this.link(name)?.device.type !== 'nic') {
      this.#byId.delete(`link/${NODE}/${name}`);
    }
  }

  removeAddresses(link: string, match: (address: string) => boolean): void {
    for (const [id, resource] of this.#byId) {
      if (resource.kind === 'address' && resource.link === link && match(resource.address)) {
        this.#byId.delete(id);
      }
    }
  }

  removeRoutes(match: (route: Route) => boolean): void {
    for (const [id, resource] of this.#byId) {
      if (resource.kind === 'route' && match(resource)) {
        this.#byId.delete(id);
      }
    }
  }
}
