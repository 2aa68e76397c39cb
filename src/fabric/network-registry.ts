/** Which OVN networks there are: definitions grouped by their network's name. */
import type { NetworkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import {
  isGrown,
  networkDifferences,
  type OvnNetwork,
  ovnNetworkOfText,
} from '#api/k8s.cni.cncf.io/ovn-network.ts';
import { keyOf } from '#machinery/controller.ts';

interface Definition {
  readonly key: string;
  readonly network: OvnNetwork;
  /** Older definitions decide what their network is. */
  readonly age: string;
}

/** A definition's network, or why it has none. */
export type Lookup =
  | { readonly network: OvnNetwork }
  | { readonly problem: { readonly reason: string; readonly message: string } };

/** The definitions of type ovn-k8s-cni-overlay. */
export class NetworkRegistry {
  /** Networks that name no MTU follow that of pods, bytes. */
  readonly #podMtu: number | undefined;
  readonly #definitions = new Map<string, Definition>();
  /** Network name -> keys of its definitions. */
  readonly #byNetwork = new Map<string, Set<string>>();

  constructor(podMtu?: number) {
    this.#podMtu = podMtu;
  }

  /** Takes over a definition as it is now; returns the names of the networks this touches. */
  set(nad: NetworkAttachmentDefinition): readonly string[] {
    const key = keyOf(nad);
    const before = this.delete(key);
    const network = ovnNetworkOfText(nad.spec?.config, this.#podMtu);
    if (network === undefined) {
      return before;
    }
    const age = `${nad.metadata.creationTimestamp ?? ''} ${key}`;
    this.#definitions.set(key, { key, network, age });
    const keys = this.#byNetwork.get(network.name) ?? new Set();
    this.#byNetwork.set(network.name, keys.add(key));
    return [...new Set([...before, network.name])];
  }

  /** Forgets a definition; returns the name of its network. */
  delete(key: string): readonly string[] {
    const known = this.#definitions.get(key);
    if (known === undefined) {
      return [];
    }
    this.#definitions.delete(key);
    const keys = this.#byNetwork.get(known.network.name);
    keys?.delete(key);
    if (keys?.size === 0) {
      this.#byNetwork.delete(known.network.name);
    }
    return [known.network.name];
  }

  /** Every network, as its oldest definition has it. */
  networks(): readonly OvnNetwork[] {
    return [...this.#byNetwork.keys()].flatMap((name) => this.network(name) ?? []);
  }

  /** A network by name. */
  network(name: string): OvnNetwork | undefined {
    return this.#oldest(name)?.network;
  }

  /** Keys of a network's definitions. */
  definitions(name: string): readonly string[] {
    return [...(this.#byNetwork.get(name) ?? [])];
  }

  /** The network of a definition; undefined when it is not there or of another type. */
  lookup(key: string): Lookup | undefined {
    const definition = this.#definitions.get(key);
    if (definition === undefined) {
      return undefined;
    }
    const oldest = this.#oldest(definition.network.name) ?? definition;
    const differences = networkDifferences(definition.network, oldest.network);
    // A network that grows is changed in one definition after the other.
    const isGrowing =
      isGrown(definition.network, oldest.network) || isGrown(oldest.network, definition.network);
    if (differences.length > 0 && !isGrowing) {
      const message = `NetworkAttachmentDefinition ${key} says otherwise than ${oldest.key} in ${differences.join(', ')}, and both name the network "${oldest.network.name}"; make them equal, or give one another "name"`;
      return { problem: { reason: 'NetworkMismatch', message } };
    }
    return { network: oldest.network };
  }

  /** The definition of a namespace's primary network. */
  primaryOf(namespace: string): string | undefined {
    return [...this.#definitions.values()].find(
      ({ key, network }) => network.role === 'primary' && key.startsWith(`${namespace}/`),
    )?.key;
  }

  #oldest(name: string): Definition | undefined {
    const all = [...(this.#byNetwork.get(name) ?? [])].flatMap((key) => this.#definitions.get(key) ?? []);
    return all.toSorted((a, b) => (a.age < b.age ? -1 : 1))[0];
  }
}
