import { ovnContract } from './contract.ts';
import { FakeOvn } from './fake.ts';

ovnContract(
  'FakeOvn',
  async () => new FakeOvn(),
  async () => undefined,
);
