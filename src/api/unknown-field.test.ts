import { describe, expect, it } from 'vitest';
import { virtualMachine } from './kubevirt.io/virtual-machine.ts';
import { explainUnknownField } from './unknown-field.ts';

describe('a field in the wrong place', () => {
  it.each([
    ['template', /under spec;/],
    ['spec.domain', /under spec\.template\.spec;/],
    ['spec.networks', /under spec\.template\.spec;/],
    ['spec.template.spec.domain.interfaces', /under spec\.template\.spec\.domain\.devices;/],
    ['spec.template.spec.domain.rng', /under spec\.template\.spec\.domain\.devices;/],
    ['spec.template.spec.networks[1].multus.name', /under spec\.template\.spec\.networks;/],
    [
      'spec.template.spec.domain.devices.interfaces[0].binding.model',
      /under spec\.template\.spec\.domain\.devices\.interfaces;/,
    ],
    ['spec.template.spec.domain.devices.interfaces[0].masqerade', /did you mean "masquerade"\?/],
    ['spec.runStrategie', /did you mean "runStrategy"\?/],
  ])('%s', (path, expected) => {
    expect(explainUnknownField(virtualMachine.schema, path)).toMatch(expected);
  });

  it('is not guessed when nothing has its name', () => {
    expect(explainUnknownField(virtualMachine.schema, 'spec.flavour')).toBeUndefined();
  });
});
