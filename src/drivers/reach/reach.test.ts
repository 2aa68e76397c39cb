import { describe, expect, test } from 'vitest';
import { parseCollected, parseListening, parseLook, parseProbed } from './answers.ts';
import { composeReach, parseReachRequest } from './program.ts';

const probe = {
  id: 1,
  kind: 'tcp',
  address: 'fd00::1',
  device: 'eth0',
  bytes: 0,
  port: 80,
  nonce: 'abc',
  seconds: 2,
};

describe('requests', () => {
  test('become words of the program, and lines of its input', () => {
    const request = parseReachRequest({ verb: 'probe', probes: [probe], width: 4 });
    const { argv, input } = composeReach(request, '/run/x');
    expect(argv.slice(3)).toEqual(['sh', 'probe', '4']);
    expect(input).toBe('1 tcp fd00::1 eth0 0 80 abc 2\n');
    const listen = { verb: 'listen', run: 'r1', nonce: 'n1', seconds: 60, udpPort: 7, tcpPorts: [8, 9] };
    expect(composeReach(parseReachRequest(listen), '/run/x').argv.slice(4)).toEqual([
      'listen',
      '/run/x',
      'n1',
      '60',
      '7',
      '8',
      '9',
    ]);
  });

  test.each([
    [{ verb: 'run' }, /^verb: "run" is not allowed; allowed is listen, probe, look, collect or stop/],
    [{ verb: 'stop', run: '../x' }, /^run: /],
    [{ verb: 'probe', width: 4, probes: [{ ...probe, address: '1.2.3.4; reboot' }] }, /^address: /],
    [{ verb: 'probe', width: 4, probes: [{ ...probe, device: '-I' }] }, /^device: /],
    [{ verb: 'probe', width: 4, probes: [{ ...probe, seconds: 3600 }] }, /^seconds: 3600 .* from 1 to 30/],
    [{ verb: 'probe', width: 0, probes: [] }, /^width: /],
    [{ verb: 'listen', run: 'r', nonce: 'n', seconds: 1e9, udpPort: 1, tcpPorts: [] }, /^seconds: /],
    [{ verb: 'look', devices: ['eth0', '../x'] }, /^device: "\.\.\/x" is not allowed/],
    [{ verb: 'look', devices: 'eth0' }, /^devices: /],
    [[], /^the request: /],
  ])('%j is refused', (request, message) => {
    expect(() => parseReachRequest(request)).toThrow(message);
  });
});

describe('answers', () => {
  test('are read line by line', () => {
    expect(parseListening('udp 7 open\ntcp 8 open\ntcp 9 taken\nechoes 3 4\n')).toEqual({
      tcpPorts: [8],
      hasUdp: true,
      echoes: { v4: 3, v6: 4 },
    });
    const { seen, pieces } = parseProbed('pieces 1 2\n5 answer 0.5\n6 silence\n7 sent\npieces 3 2\n');
    expect([...seen]).toEqual([
      [5, { result: 'answer', rttMs: 0.5 }],
      [6, { result: 'silence' }],
      [7, { result: 'sent' }],
    ]);
    expect(pieces).toEqual({ v4: 2, v6: 0 });
    expect(parseCollected('arrived 5.abc\nechoes 1 1\n').arrived).toEqual([{ id: 5, nonce: 'abc' }]);
  });

  test('to a look at cards are read by card', () => {
    const address = `fd01${'0'.repeat(27)}9`;
    const text = `card eth0\ninet eth0 10.1.0.5/24\ninet6 eth0 ${address} c0\ninet6 eth0 x 80\nway eth0 6\ninet6 eth1 ${address} 80\n`;
    expect([...parseLook(text)]).toEqual([
      [
        'eth0',
        {
          addresses: [
            { address: '10.1.0.5', state: 'usable' },
            { address: 'fd01:0000:0000:0000:0000:0000:0000:0009', state: 'tentative' },
          ],
          ways: [6],
        },
      ],
    ]);
  });

  test('of hostile guests are left out where they are none', () => {
    const { seen } = parseProbed('x answer\n99999999999 answer\n5 won\n\u001b[2J answer\n6 answer NaN\n');
    expect([...seen]).toEqual([[6, { result: 'answer' }]]);
    expect(parseCollected('arrived 5.$(x)\narrived\n')).toEqual({ arrived: [], echoes: { v4: 0, v6: 0 } });
  });
});
