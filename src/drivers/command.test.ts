import { describe, expect, it } from 'vitest';
import { inNetns, run } from './command.ts';

describe('run', () => {
  it('gives input and returns both outputs', async () => {
    expect(await run(['sh', '-c', 'cat; echo oops >&2'], { input: 'hello' })).toEqual({
      stdout: 'hello',
      stderr: 'oops\n',
    });
  });

  it.each([
    [['sh', '-c', 'echo no such bridge >&2; exit 3'], {}, /ended with status 3: no such bridge/],
    [['sleep', '60'], { timeoutMs: 20 }, /`sleep 60` did not end within 20 ms/],
    [['/nonexistent'], {}, /cannot be started/],
  ])('fails with the command and its words: %j', async (argv, options, message) => {
    await expect(run(argv, options)).rejects.toMatchObject({
      reason: 'CommandFailed',
      message: expect.stringMatching(message),
    });
  });

  it('survives a command that does not read its input', async () => {
    await expect(run(['true'], { input: 'x'.repeat(1_000_000) })).resolves.toBeDefined();
  });
});

describe('inNetns', () => {
  it('enters a named network namespace', () => {
    expect(inNetns('a.b', ['ip', 'link'])).toEqual(['nsenter', '--net=/run/netns/a.b', '--', 'ip', 'link']);
    expect(inNetns('', ['ip'])).toEqual(['ip']);
  });

  it.each(['../x', 'a/b', '-x'])('refuses %j', (name) => {
    expect(() => inNetns(name, ['true'])).toThrow(/no name of a network namespace/);
  });
});
