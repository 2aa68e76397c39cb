/** Pods that are on the default network for health checks alone, and the ports that they open there all the same. */
import type { Pod } from '#api/core/pod.ts';
import { type OpenPort, openPortsAnnotation, readOpenPorts } from '#api/k8s.ovn.org/open-ports.ts';
import type { NbChanges, NbRow, RowKey } from '#drivers/ovn/driver.ts';
import { parseYaml } from '#machinery/yaml.ts';
import { type NodePlace, type PodPlace, podRowKey } from './default-network.ts';
import { composeLockedPorts } from './locked-ports.ts';
import { composeOpenPorts, openPortKeys } from './open-ports.ts';

interface Entry {
  readonly place: PodPlace;
  /** The annotation, as it was read. */
  readonly text: string | undefined;
  readonly open: readonly OpenPort[];
}

/** Which pods they are, and what of their rows a pass has to write. */
export class LockedPods {
  readonly #tell: (pod: Pod, message: string) => void;
  readonly #entries = new Map<string, Entry>();
  /** Nodes whose group has grown. */
  readonly #grown = new Map<string, NodePlace>();
  /** Pods whose open ports changed. */
  readonly #changed = new Set<string>();
  readonly #removed: RowKey[] = [];

  /** @param tell told what is wrong with a pod's annotation, once for each text of it */
  constructor(tell: (pod: Pod, message: string) => void) {
    this.#tell = tell;
  }

  /** Takes a pod in, or what its annotation says now. */
  set(key: string, pod: Pod, place: PodPlace): void {
    const known = this.#entries.get(key);
    const text = pod.metadata.annotations?.[openPortsAnnotation];
    if (known?.place === place && known.text === text) {
      return;
    }
    const { ports = [], problem } = readOpenPorts(pod.metadata.annotations, (yaml) =>
      parseYaml(yaml, { maxAliasCount: 0 }),
    );
    if (problem !== undefined) {
      this.#tell(pod, problem);
    }
    if (known?.place !== place) {
      this.#grown.set(place.node.name, place.node);
    }
    this.#entries.set(key, { place, text, open: ports });
    if (ports.length > 0) {
      this.#changed.add(key);
    } else if (known !== undefined && known.open.length > 0) {
      this.#removed.push(...openPortKeys(place));
    }
  }

  /** Forgets a pod. */
  delete(key: string): void {
    const known = this.#entries.get(key);
    if (known !== undefined && known.open.length > 0) {
      this.#removed.push(...openPortKeys(known.place));
    }
    this.#entries.delete(key);
    this.#changed.delete(key);
  }

  /** Rows of all of them on these nodes. */
  compose(nodes: readonly NodePlace[]): readonly NbRow[] {
    const entries = [...this.#entries.values()];
    return nodes.flatMap((node) => {
      const own = entries.filter(({ place }) => place.node.name === node.name);
      return [
        ...composeLockedPorts(
          node,
          own.map(({ place }) => podRowKey(place)),
        ),
        ...own.flatMap(({ place, open }) => composeOpenPorts(place, open)),
      ];
    });
  }

  /** What changed since the last pass. A port that went has left its group by itself. */
  settle(nodes: readonly NodePlace[]): NbChanges {
    const places = new Map([...this.#grown.values(), ...nodes].map((node) => [node.name, node]));
    this.#grown.clear();
    const opened = [...this.#changed].flatMap((key) => {
      const { place, open } = this.#entries.get(key) ?? {};
      return place === undefined || places.has(place.node.name) ? [] : composeOpenPorts(place, open ?? []);
    });
    this.#changed.clear();
    const put = [...this.compose([...places.values()]), ...opened];
    const kept = new Set(put.map(({ key }) => key));
    return { put, remove: this.#removed.splice(0).filter(({ key }) => !kept.has(key)) };
  }
}
