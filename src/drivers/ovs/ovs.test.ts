import { describe, expect, it } from 'vitest';
import { ovsContract } from './contract.ts';
import { FakeOvs } from './fake.ts';
import { cookieOf, formatReplacement, parseFlows } from './flows.ts';
import { formatMappings, parseMappings } from './view.ts';

ovsContract('FakeOvs', async () => {
  const driver = new FakeOvs({ links: new Set(['va', 'vb']) });
  return { driver, writes: () => driver.writes, dispose: () => driver[Symbol.asyncDispose]() };
});

describe('bridge mappings', () => {
  it.each([
    ['', {}],
    ['a:br1', { a: 'br1' }],
    [' b:br2, a:br1,,x', { a: 'br1', b: 'br2' }],
  ])('reads %j', (text, mappings) => {
    expect(parseMappings(text)).toEqual(mappings);
  });

  it('writes them sorted', () => {
    expect(formatMappings({ b: 'br2', a: 'br1' })).toBe('a:br1,b:br2');
  });
});

describe('flows', () => {
  it('replaces all that bears the cookie', () => {
    const cookie = cookieOf('t');
    const output = `NXST_FLOW reply:\n cookie=${cookie}, priority=800,in_port=1 actions=drop\n`;
    const flows = parseFlows(output);
    expect(flows).toEqual([`cookie=${cookie}, priority=800,in_port=1 actions=drop`]);
    expect(formatReplacement(flows, cookie)).toBe(
      `delete cookie=${cookie}/-1\nadd cookie=${cookie},priority=800,in_port=1,actions=drop\n`,
    );
  });
});
