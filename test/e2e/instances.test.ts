/** Instances at their edges: started twice at once, kept, half broken, side by side. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { execute } from './cluster.ts';
import { type CliResult, instance, patchbay } from './patchbay.ts';

const one = `${instance}-a`;
const two = `${instance}-b`;
const masquerade = path.resolve(import.meta.dirname, '../../examples/documentation/8.2.1-masquerade.yaml');

const run = (name: string, ...args: readonly string[]): Promise<CliResult> =>
  patchbay([...args, '--name', name], { bare: true });

/** kubectl of an instance; an exit code other than 0 fails the test with its words. */
async function kubectl(name: string, ...args: readonly string[]): Promise<string> {
  const kubeconfig = (await run(name, 'kubeconfig')).stdout.trim();
  const { status, stdout, stderr } = await execute(['kubectl', ...args], undefined, {
    KUBECONFIG: kubeconfig,
  });
  expect([status, stderr]).toEqual([0, expect.any(String)]);
  return stdout;
}

async function startGuest(name: string): Promise<string> {
  await kubectl(name, 'apply', '-f', masquerade);
  return connected(name);
}

/** Waits for the guest and returns the UID of its instance. */
async function connected(name: string): Promise<string> {
  await kubectl(name, 'wait', 'vmi/example-vm', '--for=condition=AgentConnected', '--timeout=60s');
  return kubectl(name, 'get', 'vmi/example-vm', '-o', 'jsonpath={.metadata.uid}');
}

const guests = async (name: string): Promise<number> =>
  (await execute(['pgrep', '-fc', `qemu.*/run/patchbay/${name}/`])).stdout.split('\n').map(Number)[0] ?? 0;

afterAll(async () => {
  for (const name of [one, two]) {
    expect((await run(name, 'down')).status).toBe(0);
  }
});

test('started twice at once, one starts it and the other says who does', async () => {
  const ends = await Promise.all([run(one, 'up', '--nodes', '1'), run(one, 'up', '--nodes', '1')]);
  const [done, refused] = ends.toSorted((a, b) => a.status - b.status);
  expect([done?.status, refused?.status]).toEqual([0, 1]);
  expect(refused?.stderr).toMatch(/process \d+ is changing instance/);
  expect(await kubectl(one, 'get', 'nodes')).toMatch(/node1\s+Ready/);
});

test('kept by down and started again, machines come back at once, as new instances with the old MACs', async () => {
  const before = await startGuest(one);
  const mac = await kubectl(one, 'get', 'vmi/example-vm', '-o', 'jsonpath={.status.interfaces[0].mac}');
  expect((await run(one, 'down', '--keep-state')).status).toBe(0);
  expect(await guests(one)).toBe(0);
  expect((await run(one, 'up')).status).toBe(0);
  await kubectl(one, 'wait', `vmi/example-vm`, `--for=jsonpath={.status.phase}=Running`, '--timeout=30s');
  await expect.poll(() => guests(one), { timeout: 8000 }).toBe(1);
  expect(await connected(one)).not.toBe(before);
  expect(await kubectl(one, 'get', 'vmi/example-vm', '-o', 'jsonpath={.status.interfaces[0].mac}')).toBe(mac);
  expect(await kubectl(one, 'get', 'vm/example-vm', '-o', 'jsonpath={.status.startFailure}')).toBe('');
});

test('side by side, one is taken down without the other noticing', async () => {
  expect((await run(two, 'up', '--nodes', '1')).status).toBe(0);
  const [mine] = await Promise.all([connected(one), startGuest(two)]);
  const addresses = await Promise.all(
    [one, two].map((name) =>
      kubectl(name, 'get', 'node/node1', '-o', 'jsonpath={.status.addresses[0].address}'),
    ),
  );
  expect(new Set(addresses).size).toBe(2);
  expect((await run(two, 'down')).stderr).toMatch(/nothing is left/);
  expect([await guests(one), await guests(two), await connected(one)]).toEqual([1, 0, mine]);
});

test('half broken, it is taken down to nothing', async () => {
  const { processes } = JSON.parse((await run(one, 'status', '-o', 'json')).stdout) as {
    processes: readonly { readonly name: string; readonly pid: number }[];
  };
  for (const { name, pid } of processes) {
    if (/supervisor|vswitchd|northd/.test(name)) process.kill(pid, 'SIGKILL');
  }
  await execute(['ip', 'netns', 'delete', `${one}.node1`]);
  await rm(`/var/lib/patchbay/${one}/supervisor.json`, { force: true });
  const { status, stderr } = await run(one, 'down');
  expect([status, stderr]).toEqual([0, expect.stringMatching(/nothing is left/)]);
  const { stdout } = await execute(['pgrep', '-fa', `patchbay/${one}/`]);
  expect(stdout).toBe('');
  expect((await execute(['ip', 'netns'])).stdout).not.toContain(`${one}.`);
});
