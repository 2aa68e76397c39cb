import { expect, test } from 'vitest';
import { type Cell, composeCells } from './cells.ts';
import { commonLine, findCommon } from './common.ts';
import { ovnOf, podOf } from './fixture.ts';
import type { Result } from './judge.ts';
import { listNics, nicName } from './nics.ts';

// Six pods, each on the default network and on one of two others.
const pods = ['a', 'b', 'c', 'd', 'e', 'f'].map((name, index) =>
  podOf('ns', name, index % 2 === 0 ? 'n1' : 'n2', [
    {
      network: '',
      addresses: [`10.128.0.${index + 3}`, `fd01::${index + 3}`],
      device: 'eth0',
      isDefault: true,
    },
    {
      network: index < 3 ? 'ns/one' : 'ns/other',
      addresses: [`10.7.0.${index + 3}`, `fd07::${index + 3}`],
      device: 'net1',
    },
  ]),
);
const definitions = ['ns/one', 'ns/other'].map((key) =>
  ovnOf(key, { topology: 'layer2', subnets: '10.7.0.0/24,fd07::/64' }),
);
const nics = listNics({ pods, vmis: [], definitions, nodeStates: [] });
const cells = composeCells(nics, { ports: { tcp: 20_001, udp: 20_002 }, peers: 8 });
const judged = (isWrong: (cell: Cell) => boolean): readonly Result[] =>
  cells.map((cell) =>
    isWrong(cell)
      ? { cell, outcome: 'differs', seen: 'no answer' }
      : { cell, outcome: 'ok', seen: 'answered in 0.1 ms' },
  );
const touches = (cell: Cell, name: string): boolean =>
  [cell.from, cell.to].some((nic) => nicName(nic) === name);
const names = (isWrong: (cell: Cell) => boolean): readonly string[] =>
  findCommon(judged(isWrong)).map(({ name }) => name);

test('one family of a NIC is named, with how many of its cells', () => {
  const isWrong = (cell: Cell): boolean => cell.family === 6 && touches(cell, 'pod ns/b:eth0');
  const [found, ...others] = findCommon(judged(isWrong));
  expect(others).toEqual([]);
  const count = cells.filter(isWrong).length;
  expect(found).toEqual({
    name: 'pod ns/b:eth0 IPv6',
    wrong: count,
    all: count,
    seen: [{ what: 'no answer', cells: count }],
  });
  expect(found === undefined ? '' : commonLine(found)).toBe(
    `${count} of ${count} cells of pod ns/b:eth0 IPv6: ${count} no answer`,
  );
});

test('a NIC is named when both families fail, a host when all its NICs do, a network when all NICs there do', () => {
  expect(names((cell) => touches(cell, 'pod ns/b:eth0'))).toEqual(['pod ns/b:eth0']);
  expect(names(({ from, to }) => [from, to].some(({ host }) => host.name === 'b'))).toEqual(['pod ns/b']);
  expect(names(({ to }) => to.segment.label === 'default')).toEqual(['network default']);
});

test('one protocol to a host is named: its listener', () => {
  expect(names(({ to, protocol }) => to.host.name === 'b' && protocol === 'udp')).toEqual([
    'udp to pod ns/b',
  ]);
});

test('two causes are named apart, and what has none is told by NIC', () => {
  const causes = names(
    (cell) =>
      (cell.family === 6 && touches(cell, 'pod ns/b:eth0')) ||
      (cell.family === 4 && touches(cell, 'pod ns/e:net1')),
  );
  expect(causes.toSorted()).toEqual(['pod ns/b:eth0 IPv6', 'pod ns/e:net1 IPv4']);
  const lonely = cells.find(({ family, from }) => family === 4 && nicName(from) === 'pod ns/c:eth0');
  expect(names((cell) => cell === lonely)).toEqual([expect.stringMatching(/^pod ns\/[ac]:eth0 IPv4$/)]);
});

test('answers that differ in figures alone are counted together', () => {
  const results = judged(() => true).map((one, index) => ({ ...one, seen: `answered in ${index}.5 ms` }));
  expect(findCommon(results)[0]?.seen).toHaveLength(1);
});
