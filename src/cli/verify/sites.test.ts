import { expect, test } from 'vitest';
import { PatchbayError } from '#machinery/errors.ts';
import type { Agents } from '../agents.ts';
import { NotEquipped, openSites } from './sites.ts';

const host = { kind: 'pod', namespace: 'ns', name: 'p', node: 'n1' } as const;
const listen = {
  verb: 'listen',
  run: 'r',
  nonce: 'n',
  seconds: 60,
  udpPort: 7,
  tcpPorts: [8],
} as const;
const said = { exitCode: 0, stdout: 'said', stderr: '' };

/** Agents that answer one after the other what is listed, and the verbs they were asked. */
function scripted(...answers: readonly unknown[]): { readonly agents: Agents; readonly asked: string[] } {
  const asked: string[] = [];
  const left = [...answers];
  const agents: Agents = {
    async post(_node, _path, body) {
      asked.push((body as { verb: string }).verb);
      const answer = left.shift();
      if (answer instanceof Error) {
        throw answer;
      }
      return answer;
    },
    close: () => undefined,
  };
  return { agents, asked };
}
const cut = new PatchbayError('ConnectionFailed', 'cut');
const running = new AbortController().signal;

test('what failed on its way is asked for once more; what may have begun is stopped first', async () => {
  const once = scripted(cut, said);
  expect(await openSites(once.agents, running, 1).ask(host, { verb: 'collect', run: 'r' })).toBe('said');
  expect(once.asked).toEqual(['collect', 'collect']);
  const begun = scripted(cut, said, said);
  expect(await openSites(begun.agents, running, 1).ask(host, listen)).toBe('said');
  expect(begun.asked).toEqual(['listen', 'stop', 'listen']);
  const twice = scripted(cut, cut, said);
  await expect(openSites(twice.agents, running, 1).ask(host, { verb: 'collect', run: 'r' })).rejects.toThrow(
    'pod ns/p, asked twice: cut',
  );
});

test('what the host itself refuses is not, nor anything once the run has been stopped', async () => {
  const bare = scripted({ ...said, exitCode: 69 }, said);
  await expect(openSites(bare.agents, running, 1).ask(host, listen)).rejects.toThrow(NotEquipped);
  const refused = scripted({ ...said, exitCode: 1, stderr: 'no' }, said);
  await expect(openSites(refused.agents, running, 1).ask(host, listen)).rejects.toThrow('pod ns/p: no');
  const stopped = scripted(cut, said);
  await expect(openSites(stopped.agents, AbortSignal.abort(), 1).ask(host, listen)).rejects.toThrow();
  expect([bare.asked, refused.asked, stopped.asked]).toEqual([['listen'], ['listen'], ['listen']]);
});
