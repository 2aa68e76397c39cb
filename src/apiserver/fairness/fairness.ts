/**
 * Shares the one thread among clients. As long as it keeps up, work runs as it comes; once a turn of the event loop has
 * used up its time, the rest waits in a queue per client, and who has used least goes first: requests, and the pieces of
 * long answers. A client whose queue is full is told to come back later (429), as kube-apiserver's priority and fairness
 * does, and told so after a while: many do not heed the advice, and refusing takes the same thread.
 */
import { failure } from '../api-errors.ts';

/** Bounds. */
export interface FairnessLimits {
  /** Milliseconds of work in one turn before what comes has to queue. */
  readonly turnMs: number;
  /** Requests of one client that may wait. */
  readonly queued: number;
  /** Requests of one client that may be under way, its answers read by it included. */
  readonly running: number;
  /** Bytes of answers to one client that it has not read yet; encrypting and sending them takes the same thread. */
  readonly unread: number;
  /** Milliseconds until a client is told that its request is refused; not for more of them than may wait in eight queues. */
  readonly refusalMs: number;
}

const defaultLimits: FairnessLimits = {
  turnMs: 4,
  queued: 64,
  running: 128,
  unread: 8 * 1024 * 1024,
  refusalMs: 250,
};

/** What is counted about a client while it has requests. */
interface Flow {
  readonly name: string;
  /** Work done for it, in milliseconds, on the scale of all flows that wait. */
  spent: number;
  running: number;
  /** Bytes of answers under way. */
  unread: number;
  /** Refusals that it was not told yet. */
  refused: number;
  /** Pieces of answers that go on; they come before what waits to begin. */
  readonly pieces: (() => void)[];
  readonly waiting: (() => void)[];
}

/** A request's part in its client's share. */
export interface Turn {
  /** Runs a piece of work at once and counts its time. */
  work<T>(piece: () => T): T;
  /** Runs a piece of work now or when it is the client's turn, however much it has under way. */
  next<T>(piece: () => T): Promise<T>;
  /** Its answer is this long. */
  answers(bytes: number): void;
  /** The answer has left, or its reader is gone. */
  end(): void;
}

/** The scheduler. */
export class Fairness {
  readonly #limits: FairnessLimits;
  readonly #now: () => number;
  readonly #flows = new Map<string, Flow>();
  #spentThisTurn = 0;
  #turnEnds = false;
  #charging = false;
  #waiting = 0;
  #pieces = 0;
  #level = 0;
  #rejected = 0;

  constructor(limits: Partial<FairnessLimits> = {}, now: () => number = () => performance.now()) {
    this.#limits = { ...defaultLimits, ...limits };
    this.#now = now;
  }

  /** Requests that wait now. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Requests refused so far. */
  get rejected(): number {
    return this.#rejected;
  }

  /**
   * Runs `start` now or when it is the client's turn. `exempt` clients queue like all others but are never refused.
   * Rejects with 429 when the client's queue is full.
   */
  run<T>(client: string, exempt: boolean, start: (turn: Turn) => Promise<T>): Promise<T> {
    const flow = this.#flowOf(client);
    if (flow.waiting.length === 0 && this.#hasRoom(flow) && this.#hasTimeFor(flow)) {
      return this.#begin(flow, start);
    }
    if (!exempt && flow.waiting.length >= this.#limits.queued) {
      return this.#refuse(flow);
    }
    return new Promise((resolve, reject) => {
      this.#catchUp(flow);
      flow.waiting.push(() => {
        this.#begin(flow, start).then(resolve, reject);
      });
      this.#waiting += 1;
      this.#scheduleTurn();
    });
  }

  #flowOf(name: string): Flow {
    let flow = this.#flows.get(name);
    if (flow === undefined) {
      flow = { name, spent: this.#level, running: 0, unread: 0, refused: 0, pieces: [], waiting: [] };
      this.#flows.set(name, flow);
    }
    return flow;
  }

  #hasRoom(flow: Flow): boolean {
    return flow.running < this.#limits.running && flow.unread < this.#limits.unread;
  }

  /** Now, before those who wait: the turn is not used up, and they used more. */
  #hasTimeFor(flow: Flow): boolean {
    return this.#spentThisTurn < this.#limits.turnMs && flow.spent < (this.#next()?.spent ?? Infinity);
  }

  /** Who did nothing for a while cannot make up for all of that now. */
  #catchUp(flow: Flow): void {
    if (flow.waiting.length === 0 && flow.pieces.length === 0) {
      flow.spent = Math.max(flow.spent, this.#level);
    }
  }

  #refuse(flow: Flow): Promise<never> {
    this.#rejected += 1;
    if (flow.refused >= 8 * this.#limits.queued) {
      return Promise.reject(tooManyRequests());
    }
    flow.refused += 1;
    return new Promise((_, reject) => {
      setTimeout(() => {
        flow.refused -= 1;
        this.#forgetIdle(flow);
        reject(tooManyRequests());
      }, this.#limits.refusalMs);
    });
  }

  #begin<T>(flow: Flow, start: (turn: Turn) => Promise<T>): Promise<T> {
    flow.running += 1;
    let ended = false;
    let size = 0;
    const turn: Turn = {
      work: (piece) => this.#charge(flow, piece),
      // Whose answer has ended waits for nobody: its piece finds that out.
      next: (piece) => (ended ? promised(piece) : this.#nextPiece(flow, piece)),
      answers: (bytes) => {
        size += ended ? 0 : bytes;
        flow.unread += ended ? 0 : bytes;
      },
      end: () => {
        if (!ended) {
          ended = true;
          flow.running -= 1;
          flow.unread -= size;
          this.#forgetIdle(flow);
          if (this.#waiting > 0) {
            this.#scheduleTurn();
          }
        }
      },
    };
    return this.#charge(flow, () => start(turn));
  }

  #nextPiece<T>(flow: Flow, piece: () => T): Promise<T> {
    if (flow.pieces.length === 0 && this.#hasTimeFor(flow)) {
      return promised(() => this.#charge(flow, piece));
    }
    return new Promise((resolve, reject) => {
      this.#catchUp(flow);
      flow.pieces.push(() => {
        promised(() => this.#charge(flow, piece)).then(resolve, reject);
      });
      this.#pieces += 1;
      this.#scheduleTurn();
    });
  }

  #charge<T>(flow: Flow, piece: () => T): T {
    if (this.#charging) {
      return piece(); // what is around it counts
    }
    this.#charging = true;
    const before = this.#now();
    try {
      return piece();
    } finally {
      this.#charging = false;
      const ms = this.#now() - before;
      flow.spent += ms;
      this.#spentThisTurn += ms;
      this.#scheduleTurn();
    }
  }

  #forgetIdle(flow: Flow): void {
    if (flow.running + flow.refused + flow.pieces.length + flow.waiting.length === 0) {
      this.#flows.delete(flow.name);
    }
  }

  /** After everything that arrived in this turn was seen, the next one begins. */
  #scheduleTurn(): void {
    if (!this.#turnEnds) {
      this.#turnEnds = true;
      setImmediate(() => {
        this.#turnEnds = false;
        this.#spentThisTurn = 0;
        this.#serveWaiting();
      });
    }
  }

  #serveWaiting(): void {
    while (this.#waiting + this.#pieces > 0 && this.#spentThisTurn < this.#limits.turnMs) {
      const flow = this.#next();
      if (flow === undefined) {
        return; // Everybody who waits has too much under way; the end of some of it comes back here.
      }
      this.#level = Math.max(this.#level, flow.spent);
      const piece = flow.pieces.shift();
      if (piece === undefined) {
        this.#waiting -= 1;
        flow.waiting.shift()?.();
      } else {
        this.#pieces -= 1;
        piece();
      }
    }
  }

  /** Who waits, may run, and has used least. */
  #next(): Flow | undefined {
    let least: Flow | undefined;
    for (const flow of this.#flows.values()) {
      if (
        (flow.pieces.length > 0 || (flow.waiting.length > 0 && this.#hasRoom(flow))) &&
        (least === undefined || flow.spent < least.spent)
      ) {
        least = flow;
      }
    }
    return least;
  }
}

/** Runs at once; what is thrown is a rejection. */
function promised<T>(piece: () => T): Promise<T> {
  return new Promise((resolve) => resolve(piece()));
}

function tooManyRequests(): Error {
  return failure(429, 'TooManyRequests', 'Too many requests, please try again later.', {
    retryAfterSeconds: 1,
  });
}
