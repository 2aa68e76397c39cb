import { expect, test } from 'vitest';
import { composeCells } from '#verify/cells.ts';
import { podOf } from '#verify/fixture.ts';
import { listNics } from '#verify/nics.ts';
import { measureCells } from './measure.ts';
import type { Sites } from './sites.ts';

test('a run that is interrupted while listeners begin stops them when they have begun', async () => {
  const nic = (address: string) => [{ network: '', addresses: [address], device: 'eth0', isDefault: true }];
  const pods = [podOf('ns', 'p', 'n1', nic('10.128.0.5')), podOf('ns', 'q', 'n1', nic('10.128.0.6'))];
  const nics = listNics({ pods, vmis: [], definitions: [], nodeStates: [] });
  const done: string[] = [];
  const end = new AbortController();
  const beginning = Promise.withResolvers<void>();
  const sites: Sites = {
    run: 'r',
    async ask(host, request) {
      if (request.verb === 'probe') {
        return request.probes.map(({ id }) => `${id} answer 0.1`).join('\n');
      }
      if (request.verb === 'listen' && host.name === 'q') {
        setImmediate(() => end.abort(new Error('interrupted')));
        await beginning.promise;
      }
      done.push(`${request.verb} ${host.name}`);
      return '';
    },
  };
  const measured = measureCells(composeCells(nics, { ports: { tcp: 20_001, udp: 20_002 }, peers: 1 }), {
    ...{ sites, udpPort: 20_002, settleSeconds: 1, answerSeconds: 1, lifeSeconds: 60 },
    ...{ signal: end.signal, onProbed: () => undefined },
  });
  end.signal.addEventListener('abort', () => setImmediate(() => beginning.resolve()));
  await expect(measured).rejects.toThrow('interrupted');
  expect(done.indexOf('stop q')).toBeGreaterThan(done.indexOf('listen q'));
  expect(done).toHaveLength(4);
});
