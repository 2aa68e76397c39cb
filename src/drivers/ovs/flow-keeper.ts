import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { run } from '#drivers/command.ts';
import { stringMapOf, stringOf } from '#wire/ovsdb/codec.ts';
import { FOREIGN_BRIDGES } from './driver.ts';
import { composeFlows, cookieOf, formatReplacement, parseFlows } from './flows.ts';
import { watchPresence } from './switch-presence.ts';
import { ALLOWED_MAC, type OvsView } from './view.ts';

/** What a keeper works with. */
export interface FlowKeeperOptions {
  readonly view: OvsView;
  /** Remote of the database; ovs-vswitchd's management sockets lie in the same directory. */
  readonly db: string;
  readonly signal: AbortSignal;
  /** Told that ovs-vswitchd came back, without the flows it had: it is time to `sync` the bridge. */
  readonly onReturn: (bridge: string) => void;
}

/** Keeps our flows of each bridge what its ports want. Calls must not overlap. */
export class FlowKeeper {
  readonly #options: FlowKeeperOptions;
  readonly #cookie: string;
  /** Flows known to be in each bridge. */
  readonly #known = new Map<string, readonly string[]>();
  readonly #watched = new Map<string, AbortController>();

  constructor(options: FlowKeeperOptions) {
    this.#options = options;
    this.#cookie = cookieOf(options.view.tag);
  }

  /** Bridges that may hold flows of ours: those we made and those with a port we check. */
  bridges(): readonly string[] {
    const { view } = this.#options;
    const names = new Set<string>();
    for (const row of view.bridges()) {
      const name = stringOf(row, 'name');
      if (view.isOurs(row) && !FOREIGN_BRIDGES.includes(name)) {
        names.add(name);
      }
    }
    for (const row of view.ports()) {
      const isChecked = view.isOurs(row) && stringMapOf(row, 'external_ids')[ALLOWED_MAC] !== undefined;
      const bridge = isChecked ? view.bridgeOf(row) : undefined;
      if (bridge !== undefined) {
        names.add(stringOf(bridge, 'name'));
      }
    }
    return [...names];
  }

  /** Puts a bridge's flows right; asks the switch only when we cannot know. Throws PatchbayError `CommandFailed`. */
  async sync(name: string): Promise<void> {
    const bridge = this.#options.view.bridge(name);
    if (bridge === undefined) {
      this.#known.delete(name);
      this.#watched.get(name)?.abort();
      this.#watched.delete(name);
      return;
    }
    const wanted = composeFlows(this.#options.view, bridge, this.#cookie);
    if (wanted.length > 0) {
      this.#watch(name);
    }
    const known = this.#known.get(name) ?? (await this.#dump(name));
    if (!isDeepStrictEqual(known, wanted)) {
      this.#known.delete(name);
      await run(['ovs-ofctl', '--bundle', 'add-flows', this.#management(name), '-'], {
        input: formatReplacement(wanted, this.#cookie),
        timeoutMs: 5_000,
      });
    }
    this.#known.set(name, wanted);
  }

  async #dump(name: string): Promise<readonly string[]> {
    const argv = ['ovs-ofctl', '--no-names', '--no-stats', '-O', 'OpenFlow14', 'dump-flows'];
    const { stdout } = await run([...argv, this.#management(name), `cookie=${this.#cookie}/-1`], {
      timeoutMs: 5_000,
    });
    return parseFlows(stdout);
  }

  #watch(name: string): void {
    if (this.#watched.has(name)) {
      return;
    }
    const end = new AbortController();
    this.#watched.set(name, end);
    const signal = AbortSignal.any([end.signal, this.#options.signal]);
    const returned = (): void => {
      this.#known.delete(name);
      this.#options.onReturn(name);
    };
    watchPresence(this.#management(name).slice('unix:'.length), returned, signal);
  }

  #management(bridge: string): string {
    return `unix:${join(dirname(this.#options.db.slice('unix:'.length)), `${bridge}.mgmt`)}`;
  }
}
