import { describe, it } from 'vitest';
import { apiClientContract } from './api-client-contract.ts';
import { FakeApiClient } from './fake-api-client.ts';

describe('FakeApiClient', () => {
  for (const { name, run } of apiClientContract) {
    it(name, () => run(new FakeApiClient(), 'default'));
  }
});
