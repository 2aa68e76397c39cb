/** For tests: specs with one thing changed, and the suite that runs a table of them. */
import { describe, expect, it } from 'vitest';
import { briefly } from '../../testing.ts';
import type { VirtualMachineInstanceSpec } from '../virtual-machine-instance-spec.ts';
import { validateSpec } from './spec-rules.ts';

type Spec = VirtualMachineInstanceSpec;
type Interface = NonNullable<Spec['domain']['devices']['interfaces']>[number];
type Network = NonNullable<Spec['networks']>[number];

/** What it is, the spec, and the causes as `type field`. */
export type Refused = readonly [string, Spec, readonly string[]];
/** What it is, and the spec. */
export type Accepted = readonly [string, Spec];

/** A spec with memory and nothing else, with changes. */
export function spec(change: Partial<Spec> = {}, domain: Partial<Spec['domain']> = {}): Spec {
  return { domain: { devices: {}, memory: { guest: '128Mi' }, ...domain }, ...change };
}

/** The pod network behind masquerade, with changes to its interface and network. */
export function podNic(change: Partial<Interface>, network: Partial<Network> = {}): Spec {
  return nicList(
    [{ name: 'default', masquerade: {}, ...change }],
    [{ name: 'default', pod: {}, ...network }],
  );
}

/** A bridge on a secondary network, with changes. */
export function bridgeNic(change: Partial<Interface>, network: Partial<Network> = {}): Spec {
  const multus = { networkName: 'bridge-network' };
  return nicList([{ name: 'net', bridge: {}, ...change }], [{ name: 'net', multus, ...network }]);
}

export function nicList(interfaces: readonly Interface[], networks: readonly Network[]): Spec {
  return spec({ networks }, { devices: { interfaces } });
}

/** Every rule seen refusing (causes exact, message readable) and accepting. */
export function checkRules(what: string, refused: readonly Refused[], accepted: readonly Accepted[]): void {
  describe(what, () => {
    it.each(refused)('refuse: %s', (_what, given, expected) => {
      const causes = validateSpec(given, 'spec');
      expect(briefly(causes)).toEqual(expected);
      for (const { message } of causes) {
        expect(message.length).toBeGreaterThan(15);
        expect(message).not.toMatch(/undefined|\[object Object\]|NaN/);
      }
    });

    it.each(accepted)('accept: %s', (_what, given) => {
      expect(validateSpec(given, 'spec')).toEqual([]);
    });
  });
}
