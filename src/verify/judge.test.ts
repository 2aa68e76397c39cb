import { describe, expect, test } from 'vitest';
import type { Cell } from './cells.ts';
import { composeCells } from './cells.ts';
import { ovnOf, podOf } from './fixture.ts';
import { judge, type Observations } from './judge.ts';
import { listNics } from './nics.ts';

const nic = (network: string, address: string) => [{ network, addresses: [address], device: 'net1' }];
// p and q on one network, r on another with equal subnets.
const cells = composeCells(
  listNics({
    pods: [
      podOf('a', 'p', 'node1', nic('a/l2', '10.7.0.1')),
      podOf('a', 'q', 'node2', nic('a/l2', '10.7.0.2')),
      podOf('b', 'r', 'node2', nic('b/l2', '10.7.0.3')),
    ],
    vmis: [],
    definitions: [
      ovnOf('a/l2', { topology: 'layer2', subnets: '10.7.0.0/24' }),
      ovnOf('b/l2', { topology: 'layer2', subnets: '10.7.0.0/24' }),
    ],
    nodeStates: [],
  }),
  { ports: { tcp: 20_001, udp: 20_002 }, peers: 8 },
);
const idOf = (name: string): number =>
  cells.find((cell) => nameOf(cell) === name)?.id ?? expect.fail(`there is no cell ${name}`);
const nameOf = ({ from, to, protocol, size }: Cell): string =>
  `${from.host.name}>${to.host.name} ${protocol}${size === 'mtu' ? '-mtu' : ''}`;

/** What a run sees when all is well. */
function healthy(): {
  -readonly [Key in keyof Observations]: Observations[Key] extends ReadonlyMap<infer K, infer V>
    ? Map<K, V>
    : Set<number>;
} {
  const echoes = new Map(['p', 'q'].map((name) => [`pod a/${name}`, { v4: 20, v6: 0 }]));
  return {
    seen: new Map(
      cells.map(({ id, expect: wanted }) => [
        id,
        { result: wanted === 'reach' ? ('answer' as const) : ('silence' as const) },
      ]),
    ),
    cut: new Set(),
    failed: new Map(),
    skipped: new Map(),
    echoes: echoes.set('pod b/r', { v4: 20, v6: 0 }),
  };
}

/** Cells that are not `ok`. */
const told = (observed: Observations): readonly string[] =>
  judge(cells, observed).flatMap(({ cell, outcome, seen }) =>
    outcome === 'ok' ? [] : [`${nameOf(cell)} ${outcome}: ${seen}`],
  );

describe('judging', () => {
  test('a healthy run is as expected, and says why silence proves something', () => {
    const results = judge(cells, healthy());
    expect(results.every(({ outcome }) => outcome === 'ok')).toBe(true);
    const proofs = results.flatMap(({ cell, proof }) =>
      cell.expect === 'no-reach' ? [[nameOf(cell), proof]] : [],
    );
    expect(Object.fromEntries(proofs)).toMatchObject({
      'p>r tcp': 'answers itself',
      'r>p icmp': 'answers pod a/q:net1',
    });
    expect(proofs.every(([, proof]) => proof !== undefined)).toBe(true);
  });

  test.each<readonly [string, (observed: ReturnType<typeof healthy>) => void, readonly string[]]>([
    [
      'no answer where one must come',
      ({ seen }) => seen.set(idOf('p>q tcp'), { result: 'silence' }),
      ['p>q tcp differs: no answer'],
    ],
    [
      'an answer without the nonce',
      ({ seen }) => seen.set(idOf('p>q udp'), { result: 'other' }),
      [
        'p>q udp differs: something else answered',
        'r>q udp skipped: no answer, which proves nothing: the target answered nobody',
      ],
    ],
    [
      'an answer where none may come',
      ({ seen }) => seen.set(idOf('p>r icmp'), { result: 'answer' }),
      ['p>r icmp differs: answered'],
    ],
    [
      'another answer where none may come: it was not the target',
      ({ seen }) => seen.set(idOf('p>r tcp'), { result: 'other' }),
      [],
    ],
    [
      'a packet of full size in pieces',
      ({ cut }) => cut.add(idOf('q>p icmp-mtu')).add(idOf('q>p icmp')),
      ['q>p icmp-mtu differs: 1400 bytes left in pieces'],
    ],
    [
      'pings that the target never saw',
      ({ echoes }) => echoes.set('pod a/q', { v4: 1, v6: 0 }),
      [
        'p>q icmp differs: answered, but not by the target',
        'p>q icmp-mtu differs: answered, but not by the target',
        'r>q icmp skipped: no answer, which proves nothing: the target answered nobody',
      ],
    ],
    [
      'silence of a target that answers nobody',
      ({ seen }) => seen.set(idOf('r>r tcp'), { result: 'silence' }),
      [
        'p>r tcp skipped: no answer, which proves nothing: the target answered nobody',
        'q>r tcp skipped: no answer, which proves nothing: the target answered nobody',
        'r>r tcp differs: no answer',
      ],
    ],
    [
      'a probe that did not run',
      ({ failed }) => failed.set(idOf('p>r udp'), 'the agent is gone'),
      ['p>r udp failed: the agent is gone'],
    ],
    [
      'a probe that told nothing',
      ({ seen }) => seen.delete(idOf('p>r udp')),
      ['p>r udp failed: the probe told nothing'],
    ],
  ])('%s', (_name, change, expected) => {
    const observed = healthy();
    change(observed);
    expect(told(observed)).toEqual(expected);
  });

  test('a source that reaches nobody proves no isolation', () => {
    const observed = healthy();
    for (const cell of cells.filter(({ from, to }) => from.host.name === 'p' && to.host.name === 'q')) {
      observed.seen.set(cell.id, { result: 'silence' });
    }
    expect(told(observed).filter((line) => line.startsWith('p>r'))).toEqual(
      ['icmp', 'tcp', 'udp'].map(
        (protocol) => `p>r ${protocol} skipped: no answer, which proves nothing: the source reached nobody`,
      ),
    );
  });
});
