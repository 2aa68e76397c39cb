/** T06: generated requests against the server and a model of what kube-apiserver answers. */
import { isDeepStrictEqual } from 'node:util';
import { type ApiObject, objectOf, type Reply } from './lib/client.ts';
import { ConfigMapModel, type Exchange } from './lib/config-map-model.ts';
import { TestServer } from './lib/server.ts';
import type { Run, Trial } from './lib/trial.ts';

export const differentialTrial: Trial = {
  id: 'T06',
  title: 'generated requests against a model of kube-apiserver',
  bugs: ['trial-is-real', 'selector-not-equal'],
  smoke: 1 / 10,
  async run(run) {
    const server = await TestServer.create({ bug: run.plan.bug });
    try {
      await server.start();
      const client = server.client('admin', 1);
      const model = new ConfigMapModel(run.random);
      for (let at = 0; at < run.scaled(5_000) && !run.done; at++) {
        const exchange = model.next();
        const { method, path, body, type } = exchange;
        const reply = await client.request(method, path, { body, ...(type === undefined ? {} : { type }) });
        compare(run, exchange, reply);
        run.count('requests');
      }
      const { items = [] } = objectOf(await client.request('GET', '/api/v1/namespaces/default/configmaps'));
      const stored = new Map(items.map((item) => [item.metadata.name, itemOf(item)]));
      run.check(
        isDeepStrictEqual(stored, model.items),
        () => 'in the end, other objects are stored than in the model',
      );
    } finally {
      await server.remove();
    }
  },
};

function itemOf({ data = {}, metadata: { labels = {} } }: ApiObject): object {
  return { data, labels };
}

function compare(run: Run, exchange: Exchange, reply: Reply): void {
  const { what, method, path, code, reason, item, listed } = exchange;
  const label = `${what}: ${method} ${path} ${JSON.stringify(exchange.body) ?? ''}`;
  run.check(
    reply.code === code,
    () => `${label}: ${reply.code}, expected ${code}: ${reply.text.slice(0, 300)}`,
  );
  if (reply.code !== code) {
    return;
  }
  if (reason !== undefined && reason !== '') {
    const given = objectOf(reply).reason;
    run.check(given === reason, () => `${label}: reason ${given}, expected ${reason}`);
  }
  if (item !== undefined) {
    const given = itemOf(objectOf(reply));
    run.check(
      isDeepStrictEqual(given, item),
      () => `${label}: ${JSON.stringify(given)}, expected ${JSON.stringify(item)}`,
    );
  }
  if (listed !== undefined) {
    const given = (objectOf(reply).items ?? []).map(({ metadata }) => metadata.name);
    run.check(isDeepStrictEqual(given, listed), () => `${label}: ${given.join()}, expected ${listed.join()}`);
  }
}
