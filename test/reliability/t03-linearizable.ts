/** T03: histories of get, put, compare-and-set and list with kills and stops, checked for an order that explains them. */
import { type ApiObject, type Client, objectOf, type Reply } from './lib/client.ts';
import { isLinearizable, type Operation } from './lib/linearizable.ts';
import { checkLists, type NumberedWrite, type SeenList } from './lib/list-check.ts';
import { TestServer } from './lib/server.ts';
import type { Run, Trial } from './lib/trial.ts';

const clients = 16;
const keys = Array.from({ length: 10 }, (_, at) => `k${at}`);
const operationsPerRound = 2_500;

export const linearizableTrial: Trial = {
  id: 'T03',
  title: 'linearizability with kills and stops',
  bugs: ['read-stale', 'list-stale'],
  smoke: 1 / 200,
  async run(run) {
    const server = await TestServer.create({ bug: run.plan.bug });
    try {
      await server.start();
      const client = server.client();
      for (let round = 0; round < run.scaled(400, 2) && !run.done; round++) {
        const history = new History(run, server, client, `round-${round}`);
        await history.record(round);
        history.check();
        run.plan.say(`round ${round}: ${run.figures['operations']} operations`);
        await client.request('DELETE', `/api/v1/namespaces/round-${round}/configmaps`);
      }
    } finally {
      await server.remove();
    }
  },
};

/** One round in a namespace of its own. */
class History {
  readonly #run: Run;
  readonly #server: TestServer;
  readonly #client: Client;
  readonly #path: string;
  readonly #namespace: string;
  readonly #operations = new Map<string, Operation[]>();
  readonly #lists: SeenList[] = [];
  /** Every version seen anywhere, by its value: revision of the write. */
  readonly #revisions = new Map<string, number>();
  #up: Promise<unknown> = Promise.resolve();
  #down = false;
  #count = 0;

  constructor(run: Run, server: TestServer, client: Client, namespace: string) {
    this.#run = run;
    this.#server = server;
    this.#client = client;
    this.#namespace = namespace;
    this.#path = `/api/v1/namespaces/${namespace}/configmaps`;
  }

  async record(round: number): Promise<void> {
    await this.#client.request('POST', '/api/v1/namespaces', {
      body: { metadata: { name: this.#namespace } },
    });
    const { random } = this.#run;
    const faultAt = random.between(200, operationsPerRound - 200);
    // The first rounds are a kill, a stop, a kill; later ones mostly none.
    const fault = round === 1 || random.oneIn(20) ? 'stop' : round < 3 || random.oneIn(4) ? 'kill' : 'none';
    const stopMs = random.between(1_000, this.#run.plan.share < 0.1 ? 1_200 : 5_000);
    await Promise.all(
      Array.from({ length: clients }, () =>
        this.#work(() => {
          if (this.#count === faultAt) {
            this.#fault(fault, stopMs);
          }
        }),
      ),
    );
    await this.#up;
    this.#run.count('operations', this.#count);
  }

  #fault(fault: 'stop' | 'kill' | 'none', stopMs: number): void {
    if (fault === 'kill') {
      this.#run.count('kills');
      this.#down = true;
      this.#up = this.#server
        .kill()
        .then(() => this.#server.start())
        .then(() => {
          this.#down = false;
        });
    } else if (fault === 'stop') {
      this.#run.count('stops');
      this.#server.signal('SIGSTOP');
      this.#up = new Promise<void>((resolve) => {
        setTimeout(() => {
          this.#server.signal('SIGCONT');
          resolve();
        }, stopMs);
      });
    }
  }

  async #work(onOperation: () => void): Promise<void> {
    const known = new Map<string, ApiObject>();
    while (this.#count < operationsPerRound) {
      this.#count += 1;
      onOperation();
      const alive = await this.#one(known);
      if (!alive) {
        await this.#up;
      }
    }
  }

  /** One operation. False: no answer came. */
  async #one(known: Map<string, ApiObject>): Promise<boolean> {
    const { random } = this.#run;
    const key = random.pick(keys);
    const dice = random.between(1, 100);
    if (dice <= 5) {
      return this.#list();
    }
    if (dice <= 45) {
      return this.#get(key, known);
    }
    const value = `${this.#namespace}-${this.#count}-${random.between(0, 1e6)}`;
    const object = known.get(key);
    const body = { metadata: { name: key }, data: { value } };
    if (dice <= 50 || object === undefined) {
      return this.#write('create', key, value, known, () =>
        this.#client.request('POST', this.#path, { body }),
      );
    }
    if (dice <= 70) {
      return this.#write('put', key, value, known, () =>
        this.#client.request('PUT', `${this.#path}/${key}`, { body }),
      );
    }
    const { resourceVersion } = object.metadata;
    const versioned = { ...body, metadata: { name: key, resourceVersion } };
    return this.#write(
      'cas',
      key,
      value,
      known,
      () => this.#client.request('PUT', `${this.#path}/${key}`, { body: versioned }),
      object.data?.['value'],
    );
  }

  async #write(
    kind: Operation['kind'],
    key: string,
    value: string,
    known: Map<string, ApiObject>,
    send: () => Promise<Reply>,
    expected?: string,
  ): Promise<boolean> {
    const start = performance.now();
    const operation = { kind, value, expected, start };
    let reply: Reply;
    try {
      reply = await send();
    } catch (error) {
      this.#run.check(this.#down, () => `no answer from a server that runs: ${String(error)}`);
      this.#note(key, { ...operation, result: 'unknown', end: Number.POSITIVE_INFINITY });
      return false;
    }
    const done = reply.code < 300;
    this.#run.check(
      done || reply.code === 409 || reply.code === 404,
      () => `${kind} ${key}: ${reply.code} ${reply.text}`,
    );
    this.#note(key, { ...operation, result: done ? 'done' : 'refused', end: performance.now() });
    if (done) {
      known.set(key, this.#see(objectOf(reply)));
    }
    return true;
  }

  async #get(key: string, known: Map<string, ApiObject>): Promise<boolean> {
    const start = performance.now();
    const reply = await this.#client.request('GET', `${this.#path}/${key}`).catch(() => undefined);
    if (reply === undefined) {
      return false;
    }
    const object = reply.code === 200 ? this.#see(objectOf(reply)) : undefined;
    this.#note(key, {
      kind: 'get',
      value: object?.data?.['value'],
      result: 'done',
      start,
      end: performance.now(),
    });
    if (object !== undefined) {
      known.set(key, object);
    }
    return true;
  }

  async #list(): Promise<boolean> {
    const start = performance.now();
    const reply = await this.#client.request('GET', this.#path).catch(() => undefined);
    if (reply === undefined) {
      return false;
    }
    const list = objectOf(reply);
    const items = (list.items ?? []).map((item) => this.#see(item));
    this.#lists.push({
      revision: Number(list.metadata.resourceVersion),
      items: new Map(
        items.map(({ metadata, data }) => [
          metadata.name,
          { value: data?.['value'] ?? '', revision: Number(metadata.resourceVersion) },
        ]),
      ),
      start,
      end: performance.now(),
    });
    return true;
  }

  /** Takes down the revision of a version; one version has one. */
  #see(object: ApiObject): ApiObject {
    const value = object.data?.['value'] ?? '';
    const revision = Number(object.metadata.resourceVersion);
    const before = this.#revisions.get(value) ?? revision;
    this.#revisions.set(value, revision);
    this.#run.check(before === revision, () => `${value} was at revision ${before} and is at ${revision}`);
    return object;
  }

  #note(key: string, operation: Operation): void {
    const operations = this.#operations.get(key) ?? [];
    operations.push(operation);
    this.#operations.set(key, operations);
  }

  /** Looks for what no order explains. */
  check(): void {
    const writes: NumberedWrite[] = [];
    for (const [key, operations] of this.#operations) {
      this.#run.check(
        isLinearizable(operations),
        () => `${this.#path}/${key}: no order explains its ${operations.length} operations`,
      );
      for (const { kind, value = '', start, end, result } of operations) {
        const revision = this.#revisions.get(value);
        if (kind !== 'get' && result !== 'refused' && revision !== undefined) {
          writes.push({ key, value, revision, start, end });
        }
      }
    }
    checkLists(this.#run, writes, this.#lists);
    this.#run.count('histories of one object', this.#operations.size);
    this.#run.count('lists', this.#lists.length);
  }
}
