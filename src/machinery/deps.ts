import type { Clock } from './clock.ts';
import type { EventRecorder } from './events.ts';
import type { Log } from './log.ts';

/** What every controller is made with, besides its informers and client. */
export interface ControllerDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly events: EventRecorder;
}
