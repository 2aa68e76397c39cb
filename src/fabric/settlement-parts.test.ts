import { expect, it } from 'vitest';
import { pod } from './overlay.fixture.ts';
import { primaryMissing } from './settlement-parts.ts';

it('says where a network that could not be made tells why', () => {
  expect(primaryMissing(pod('p', []))).toMatch(
    /no primary network that could be made: make a UserDefinedNetwork with role Primary in it; if there is one, its conditions tell what it lacks \(kubectl describe userdefinednetwork -n ns; kubectl describe clusteruserdefinednetwork\)/,
  );
});
