/** The client's contract against the real API server, and what only a real connection shows. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configMap } from '#api/core/config-map.ts';
import { namespace } from '#api/core/namespace.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { apiClientContract } from '#machinery/api-client-contract.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { createApiClient } from '#machinery/http-client.ts';
import { createInformerFactory } from '#machinery/informer-factory.ts';
import { startTestApiServer, type TestApiServer } from './support/api-server.ts';

let server: TestApiServer;
let client: ApiClient;

beforeAll(async () => {
  server = await startTestApiServer();
  client = createApiClient(server.kubeconfig);
});
afterAll(async () => {
  client.close();
  await server.remove();
});

describe('HttpApiClient on the embedded API server', () => {
  for (const [index, { name, run }] of apiClientContract.entries()) {
    it(name, async () => {
      const name_ = `contract-${index}`;
      await client.create(namespace, { metadata: { name: name_ } });
      await run(client, name_);
    });
  }

  it('hands warnings on', async () => {
    const warnings: string[] = [];
    const object = { metadata: { name: 'warned', namespace: 'default' }, data: {}, misspelt: true };
    const onWarning = (text: string) => warnings.push(text);
    await client.create(configMap, object, { fieldValidation: 'Warn', onWarning });
    expect(warnings.join()).toContain('misspelt');
  });

  it('answers other requests as they are', async () => {
    expect([await client.request('GET', '/readyz'), await client.request('GET', '/version')]).toMatchObject([
      'ok',
      { major: expect.any(String) },
    ]);
  });

  it('says ConnectionFailed when the server is away, and its informers go on when it is back', async () => {
    const stop = new AbortController();
    const factory = createInformerFactory(client);
    const informer = factory.informer(configMap, { namespace: 'default' });
    await factory.start(stop.signal);
    const seen = new Set<string>();
    let wake = (): void => undefined;
    informer.subscribe(({ object }) => {
      seen.add(object.metadata.name);
      wake();
    });
    await server.stop();
    const error = await client.get(configMap, { name: 'a', namespace: 'default' }).catch((e: unknown) => e);
    expect(error instanceof PatchbayError && error.reason).toBe('ConnectionFailed');
    await server.restart();
    const key = { name: 'after-restart', namespace: 'default' };
    await client.create(configMap, { metadata: key });
    await new Promise<void>((resolve) => {
      wake = () => (seen.has(key.name) ? resolve() : undefined);
      wake();
    });
    stop.abort();
  });
});
