/** Keeps what guests' agents tell: connects when an agent appears, asks again until addresses are there, then now and then. */
import type { GuestDriver } from '#drivers/guest/driver.ts';
import type { VmDriver, VmEvent } from '#drivers/qemu/driver.ts';
import type { Clock } from '#machinery/clock.ts';
import { messageOf } from '#machinery/errors.ts';
import type { Log } from '#machinery/log.ts';
import { equal } from '#machinery/merge-patch.ts';
import type { Netns } from '#node-state/resource.ts';
import type { GuestView } from './report-vmi.ts';

/** What it works with. */
export interface GuestWatchOptions {
  readonly vm: VmDriver;
  readonly guest: GuestDriver;
  readonly clock: Clock;
  readonly log: Log;
  /** Called when something about the guest in this namespace changed. */
  readonly changed: (netns: Netns) => void;
}

interface Watched {
  readonly netns: Netns;
  view: GuestView | undefined;
  asked: number;
  cancel: () => void;
}

/** Milliseconds between questions: often while a guest comes up, then every ten seconds. */
const fast = 500;
const slow = 10_000;
const fastQuestions = 60;

/** Watches every guest of the node. */
export class GuestWatch {
  readonly #options: GuestWatchOptions;
  readonly #guests = new Map<string, Watched>();
  readonly #stop: () => void;

  constructor(options: GuestWatchOptions) {
    this.#options = options;
    this.#stop = options.vm.onEvent((event) => this.#on(event));
  }

  /** What the guest told last; undefined while its agent is not connected. */
  view(uid: string): GuestView | undefined {
    return this.#guests.get(uid)?.view;
  }

  /** Stops asking a guest. */
  forget(uid: string): void {
    const watched = this.#guests.get(uid);
    watched?.cancel();
    this.#guests.delete(uid);
    this.#options.guest.detach(uid);
  }

  close(): void {
    this.#stop();
    for (const watched of this.#guests.values()) watched.cancel();
    this.#guests.clear();
  }

  #on(event: VmEvent): void {
    const { changed, log } = this.#options;
    if (event.type !== 'agent') {
      changed(event.netns);
      return;
    }
    if (!event.connected) {
      this.forget(event.uid);
      changed(event.netns);
      return;
    }
    this.#connect(event.uid, event.netns).catch((error: unknown) => {
      log.warn({ vm: event.uid, error: messageOf(error) }, 'guest agent not reached');
    });
  }

  async #connect(uid: string, netns: Netns): Promise<void> {
    const info = await this.#options.vm.info(uid);
    if (info === undefined || this.#guests.has(uid)) {
      return;
    }
    this.#options.guest.attach(uid, info.agentSocket);
    this.#guests.set(uid, { netns, view: undefined, asked: 0, cancel: () => undefined });
    await this.#ask(uid);
  }

  async #ask(uid: string): Promise<void> {
    const watched = this.#guests.get(uid);
    if (watched === undefined) {
      return;
    }
    const { guest, clock, log, changed } = this.#options;
    watched.asked += 1;
    try {
      const os = watched.view?.os ?? (await guest.osInfo(uid).catch(() => undefined));
      const interfaces = await guest.interfaces(uid);
      const view: GuestView = { interfaces, ...(os !== undefined && { os }) };
      const isNew = !equal(view, watched.view);
      watched.view = view;
      if (isNew && this.#guests.get(uid) === watched) changed(watched.netns);
    } catch (error) {
      log.debug({ vm: uid, error: messageOf(error) }, 'guest agent did not answer');
    }
    if (this.#guests.get(uid) === watched) {
      const pause = watched.asked < fastQuestions && !isSettled(watched.view) ? fast : slow;
      watched.cancel = clock.setTimer(() => void this.#ask(uid), pause);
    }
  }
}

/** Every card has an address that is not link-local. */
function isSettled(view: GuestView | undefined): boolean {
  return (
    view !== undefined &&
    view.interfaces.length > 0 &&
    view.interfaces.every(({ addresses }) => addresses.some((address) => !/^(fe80|169\.254)/i.test(address)))
  );
}
