import { describe, expect, it } from 'vitest';
import { briefly } from '../../testing.ts';
import { nicList, podNic } from './spec-cases.ts';
import { validateSpec } from './spec-rules.ts';

describe('causes', () => {
  it('start where the spec is', () => {
    expect(briefly(validateSpec(podNic({ ports: [{ port: 70000 }] }), 'spec.template.spec'))).toEqual([
      'Invalid spec.template.spec.domain.devices.interfaces[0].ports[0].port',
    ]);
  });

  it('point out the near match of a misspelt name', () => {
    const interfaces = ['bridge-net', 'bridg-net'].map((name) => ({ name, bridge: {} }));
    const [cause] = validateSpec(
      nicList(interfaces, [{ name: 'bridge-net', multus: { networkName: 'a' } }]),
      'spec',
    );
    expect(cause?.message).toContain('did you mean "bridge-net"?');
  });

  it('are all told at once', () => {
    const given = podNic({ macAddress: 'x', model: 'y', ports: [{ port: 0 }] });
    expect(validateSpec(given, 'spec')).toHaveLength(3);
  });
});
