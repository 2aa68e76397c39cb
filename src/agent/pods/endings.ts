/** Ends containers in order: the hook before, the stop signal, and the end by force when their time is up. */
import type { Pod } from '#api/core/pod.ts';
import type { ContainerDriver, ContainerView } from '#drivers/pod/driver.ts';
import type { Clock } from '#machinery/clock.ts';
import { containersOf } from './plan.ts';
import { runHandler } from './probe-run.ts';

/** What it works with. */
export interface EndingsOptions {
  readonly driver: ContainerDriver;
  readonly clock: Clock;
  readonly wake: (podUid: string) => void;
}

interface Ending {
  readonly podUid: string;
  due: number;
  cancel: () => void;
}

/** Runs that are being ended. */
export class Endings {
  readonly #options: EndingsOptions;
  readonly #endings = new Map<string, Ending>();

  constructor(options: EndingsOptions) {
    this.#options = options;
  }

  /** Begins to end a run; `due` (milliseconds since the epoch) is when it is killed. False when it is being ended already. */
  end(pod: Pod, view: ContainerView, due?: number): boolean {
    const { clock } = this.#options;
    const grace = (pod.spec.terminationGracePeriodSeconds ?? 30) * 1000;
    const at = due ?? clock.now() + grace;
    const known = this.#endings.get(view.id);
    if (known !== undefined) {
      if (at < known.due) {
        this.#arm(view, known, at);
      }
      return false;
    }
    const ending: Ending = { podUid: view.container.podUid, due: at, cancel: () => undefined };
    this.#endings.set(view.id, ending);
    this.#arm(view, ending, at);
    void this.#ask(pod, view, at);
    return true;
  }

  forget(podUid: string): void {
    for (const [id, ending] of this.#endings) {
      if (ending.podUid === podUid) {
        ending.cancel();
        this.#endings.delete(id);
      }
    }
  }

  close(): void {
    for (const ending of this.#endings.values()) ending.cancel();
    this.#endings.clear();
  }

  #arm(view: ContainerView, ending: Ending, due: number): void {
    const { clock, driver, wake } = this.#options;
    ending.cancel();
    ending.due = due;
    ending.cancel = clock.setTimer(
      () => {
        driver.signal(view.id, 'KILL').then(
          () => wake(view.container.podUid),
          () => wake(view.container.podUid),
        );
      },
      Math.max(0, due - clock.now()),
    );
  }

  async #ask(pod: Pod, view: ContainerView, due: number): Promise<void> {
    const { driver, clock, wake } = this.#options;
    const container = containersOf(pod).find(({ name }) => name === view.container.name);
    const hook = container?.lifecycle?.preStop;
    const left = due - clock.now();
    if (container !== undefined && hook !== undefined && left > 0) {
      const podIP = pod.status?.podIP ?? '127.0.0.1';
      await (hook.sleep === undefined
        ? runHandler({ driver, view, container, podIP }, hook, left)
        : new Promise<void>((resolve) => {
            clock.setTimer(resolve, Math.min(left, (hook.sleep?.seconds ?? 0) * 1000));
          }));
    }
    await driver
      .signal(view.id, view.container.stopSignal.replace(/^SIG/, ''))
      .catch(() => wake(view.container.podUid));
  }
}
