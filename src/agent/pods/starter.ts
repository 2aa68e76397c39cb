/** Starts one container: its image, its run, its hook afterwards; and says what keeps it from starting. */
import { type Container, type Pod, pod as podKind } from '#api/core/pod.ts';
import type { ContainerImage, ContainerImages } from '#drivers/image/container-images.ts';
import type { ContainerDriver, ContainerView } from '#drivers/pod/driver.ts';
import type { Clock } from '#machinery/clock.ts';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import { type EventRecorder, referable } from '#machinery/events.ts';
import type { Log } from '#machinery/log.ts';
import type { ContainerState } from '#node-state/container.ts';
import { runHandler } from './probe-run.ts';
import type { Waiting } from './status.ts';

/** What it works with. */
export interface StarterOptions {
  readonly driver: ContainerDriver;
  readonly images: ContainerImages;
  readonly events: EventRecorder;
  readonly log: Log;
  readonly clock: Clock;
}

/** Images that could not be had, by container: how often they were looked for, and when to look again. */
export type ImageTries = Map<string, { readonly tries: number; readonly until: number }>;

const firstPause = 10_000;
const longestPause = 300_000;
/** A hook after the start has this long (milliseconds). */
const hookMs = 120_000;
/** Reasons that containers wait for in kubelet's words. */
const known = new Set([
  'ErrImagePull',
  'ErrImageNeverPull',
  'InvalidImageName',
  'CreateContainerConfigError',
]);

/** Starts containers. */
export class Starter {
  readonly #options: StarterOptions;
  readonly #end: (found: Pod, view: ContainerView) => boolean;

  /** `end` ends a container whose hook failed. */
  constructor(options: StarterOptions, end: (found: Pod, view: ContainerView) => boolean) {
    this.#options = options;
    this.#end = end;
  }

  /** Starts it; resolves with what it waits for when it was not started. */
  async start(
    found: Pod,
    container: Container,
    tries: ImageTries,
    compose: (image: ContainerImage) => ContainerState,
  ): Promise<Waiting | undefined> {
    const about = referable(podKind, found);
    const { driver, events } = this.#options;
    try {
      const image = await this.#image(found, container, tries);
      if (image === undefined) {
        return { reason: 'ImagePullBackOff', message: `Back-off pulling image "${container.image ?? ''}"` };
      }
      const view = await driver.start(compose(image));
      if (view.phase.type === 'exited' && view.phase.startError !== undefined) {
        events.event(about, 'Warning', 'Failed', `Error: ${view.phase.startError}`.slice(0, 1000));
        return undefined;
      }
      events.event(about, 'Normal', 'Started', `Started container ${container.name}`);
      await this.#afterStart(found, container, view);
      return undefined;
    } catch (error) {
      return this.tell(found, container, error);
    }
  }

  /** What went wrong, as an event and as the state of the container. */
  tell(found: Pod, container: Container | undefined, error: unknown): Waiting {
    const reason = error instanceof PatchbayError ? error.reason : 'CreateContainerError';
    const message = messageOf(error).slice(0, 1000);
    const about = referable(podKind, found);
    if (reason === 'FailedMount') {
      this.#options.events.event(about, 'Warning', reason, message);
      return { reason: 'ContainerCreating', message };
    }
    const said =
      container === undefined ? message : `Failed to start container "${container.name}": ${message}`;
    this.#options.events.event(about, 'Warning', 'Failed', said.slice(0, 1000));
    this.#options.log.warn({ pod: found.metadata.name, reason, message }, 'container not started');
    return { reason: known.has(reason) ? reason : 'CreateContainerError', message };
  }

  async #afterStart(found: Pod, container: Container, view: ContainerView): Promise<void> {
    const hook = container.lifecycle?.postStart;
    if (hook === undefined || hook.sleep !== undefined) {
      return;
    }
    const { driver, events } = this.#options;
    const podIP = found.status?.podIP ?? '127.0.0.1';
    const { passed, message } = await runHandler({ driver, view, container, podIP }, hook, hookMs);
    if (!passed) {
      events.event(
        referable(podKind, found),
        'Warning',
        'FailedPostStartHook',
        `PostStartHook failed: ${message}`,
      );
      this.#end(found, view);
    }
  }

  /** The image; undefined while looking for it again waits. */
  async #image(found: Pod, container: Container, images: ImageTries): Promise<ContainerImage | undefined> {
    const reference = container.image ?? '';
    const now = this.#options.clock.now();
    const tried = images.get(container.name);
    try {
      const image = await this.#options.images.resolve(reference);
      images.delete(container.name);
      return image;
    } catch (error) {
      if (!(error instanceof PatchbayError) || error.reason !== 'ImageNotFound') throw error;
      if (tried !== undefined && tried.until > now) {
        return undefined;
      }
      const tries = (tried?.tries ?? 0) + 1;
      const pause = Math.min(firstPause * 2 ** (tries - 1), longestPause);
      images.set(container.name, { tries, until: now + pause });
      if (tries > 1) {
        const about = referable(podKind, found);
        this.#options.events.event(about, 'Normal', 'BackOff', `Back-off pulling image "${reference}"`);
        return undefined;
      }
      const reason = container.imagePullPolicy === 'Never' ? 'ErrImageNeverPull' : 'ErrImagePull';
      throw new PatchbayError(reason, error.message);
    }
  }
}
