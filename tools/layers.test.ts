import { describe, expect, test } from 'vitest';
import { judgeImport } from './layers.ts';

describe('judgeImport', () => {
  test('node:http is imported for its types only', () => {
    const one = { from: 'api/core/pod.ts', to: 'node:http' };
    expect(judgeImport({ ...one, typeOnly: true })).toBeUndefined();
    expect(judgeImport({ ...one, typeOnly: false })).toContain('machinery/http-module.ts');
  });

  test.each([
    ['agent/compose.ts', 'drivers/ip/driver.ts'],
    ['drivers/ip/linux.ts', 'drivers/command.ts'],
    ['drivers/ovs/ovs.ts', 'wire/ovsdb/client.ts'],
    ['bin/agent.ts', 'agent/agent.ts'],
    ['fabric/fabric.ts', 'drivers/ovn/driver.ts'],
  ])('%s may import %s', (from, to) => {
    expect(judgeImport({ from, to, typeOnly: false })).toBeUndefined();
  });

  test.each([
    ['controllers/virtual-machine/sync.ts', 'drivers/ip/driver.ts'],
    ['drivers/ip/linux.ts', 'drivers/nft/driver.ts'],
    ['drivers/ip/linux.ts', 'api/core/pod.ts'],
    ['drivers/ip/linux.ts', 'machinery/http-client.ts'],
    ['fabric/fabric.ts', 'drivers/ovs/ovs.ts'],
    ['api/core/pod.ts', 'machinery/errors.ts'],
    ['attic/old.ts', 'api/core/pod.ts'],
  ])('%s may not import %s', (from, to) => {
    expect(judgeImport({ from, to, typeOnly: false })).toContain(from);
  });
});
