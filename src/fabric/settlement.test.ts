import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plain, pods, type Step, spaces, World } from './crash-world.ts';

const excluded = ['10.2.0.2/32', '10.2.0.4/31', 'fd02:2::4/126'];
const anyPod = fc.constantFrom(...pods);

/** What happens. After every step but a lost one everything marked is settled. */
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('create' as const), pod: anyPod, node: fc.nat(1) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('delete' as const), pod: anyPod }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('land' as const), count: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('exclude' as const), set: fc.subarray(excluded) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('claim' as const), space: fc.constantFrom(...spaces) }),
  },
  // Written annotations come through or not, rows do or do not, pods go meanwhile, and objects are listed in any order.
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('crash' as const),
      landed: fc.nat(6),
      gone: fc.subarray(pods, { maxLength: 2 }),
      order: fc.integer(),
    }),
  },
);

describe('addresses and MACs', () => {
  it('are never two owners, whatever a crash loses and in whatever order objects are seen', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
        const world = new World();
        for (const one of steps) {
          world.take(one);
          expect(world.conflicts(), JSON.stringify(one)).toEqual([]);
        }
      }),
      { numRuns: 300 },
    );
  }, 60_000);

  it('are all given: the test sees networks that are full', () => {
    const world = new World();
    for (const name of plain) {
      world.take({ do: 'create', pod: `ns/${name}`, node: 0 });
    }
    world.take({ do: 'land', count: 9 });
    expect(world.told().filter(({ network }) => network === 'ns/l2')).toHaveLength(15);
    world.take({ do: 'claim', space: 'ns' });
    world.take({ do: 'create', pod: 'ns/vm-1', node: 0 });
    world.take({ do: 'land', count: 9 });
    world.take({ do: 'create', pod: 'ns/vm-2', node: 1 });
    world.take({ do: 'land', count: 9 });
    // Both launchers of one machine have its addresses.
    expect(world.told().filter(({ network }) => network === 'ns/l2')).toHaveLength(21);
    expect(world.conflicts()).toEqual([]);
  });
});
