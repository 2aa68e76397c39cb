import { expect, test } from 'vitest';
import { judgeKubectl } from './machine-probes.ts';

test.each([
  ['v1.27.16', false],
  ['v1.28.0', true],
  ['v1.32.4-dispatcher', true],
  ['v2.0.0', true],
  ['', false],
])('kubectl %j is recent enough: %j', (gitVersion, present) => {
  const probe = judgeKubectl(JSON.stringify({ clientVersion: { gitVersion } }));
  expect(probe.present).toBe(present);
  expect(probe.remedy).toBe(present ? undefined : 'install kubectl 1.28 or newer');
});
