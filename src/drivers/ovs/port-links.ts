import { isDeepStrictEqual } from 'node:util';
import { optionalOf, stringOf } from '#wire/ovsdb/codec.ts';
import type { OvsView } from './view.ts';

/**
 * The kernel's links under our ports, by their index (0: gone). A link that is made anew under its old name has another
 * index, and Open vSwitch keeps reading the socket of the old one.
 */
export class PortLinks {
  readonly #view: OvsView;
  #known = new Map<string, number>();

  constructor(view: OvsView) {
    this.#view = view;
  }

  /** Takes the links of these ports as they are; what happened to others is still to be noticed. */
  adopt(ports: readonly (string | undefined)[]): void {
    const now = this.#observe();
    for (const name of new Set([...this.#known.keys(), ...now.keys()])) {
      const index = now.get(name);
      if (index === undefined) {
        this.#known.delete(name);
      } else if (ports.includes(name) || !this.#known.has(name)) {
        this.#known.set(name, index);
      }
    }
  }

  /** Ports whose link came back or was replaced, since the last call; undefined when no link changed at all. */
  takeChanges(): readonly string[] | undefined {
    const now = this.#observe();
    if (isDeepStrictEqual(now, this.#known)) {
      return undefined;
    }
    const renewed = [...now].filter(
      ([name, index]) => index > 0 && (this.#known.get(name) ?? index) !== index,
    );
    this.#known = now;
    return renewed.map(([name]) => name);
  }

  #observe(): Map<string, number> {
    const links = new Map<string, number>();
    for (const row of this.#view.ports()) {
      const local = this.#view.isOurs(row) ? this.#view.interface(stringOf(row, 'name')) : undefined;
      const index = local === undefined ? undefined : optionalOf(local, 'ifindex');
      if (local !== undefined && stringOf(local, 'type') === '' && typeof index === 'number') {
        links.set(stringOf(row, 'name'), index);
      }
    }
    return links;
  }
}
