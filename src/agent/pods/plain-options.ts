/** What containers of plain pods need from the agent around them. */
import type { Pod } from '#api/core/pod.ts';
import type { ContainerImages } from '#drivers/image/container-images.ts';
import type { ContainerDriver } from '#drivers/pod/driver.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import type { Clock } from '#machinery/clock.ts';
import type { EventRecorder } from '#machinery/events.ts';
import type { Log } from '#machinery/log.ts';
import type { NetworkStatus } from '../selection.ts';
import type { NameFacts } from './etc-files.ts';

/** What the loop over plain pods works with. */
export interface PlainPodsOptions {
  readonly client: ApiClient;
  readonly driver: ContainerDriver;
  readonly images: ContainerImages;
  readonly events: EventRecorder;
  readonly log: Log;
  readonly clock: Clock;
  readonly hostIPs: readonly string[];
  /** Of the node. */
  readonly cpus: number;
  readonly memory: number;
  /** All pods of the node. */
  readonly pods: () => readonly Pod[];
  readonly names: NameFacts;
  /** Asks for a pass over a pod. */
  readonly wake: (podUid: string) => void;
}

/** A pod whose sandbox is there; one in the network of its node has `NODE` and no networks. */
export interface PlainSandbox {
  readonly netns: string;
  readonly networks: readonly NetworkStatus[];
}
