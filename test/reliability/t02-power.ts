/** T02: the power fails, the disk is full, calls fail, records are torn: what was acknowledged is there and nothing else is told. */
import type { Client } from './lib/client.ts';
import { PowerFileSystem } from './lib/power.ts';
import { TestServer } from './lib/server.ts';
import type { Run, Trial } from './lib/trial.ts';
import { killAgainAndAgain } from './t01-kill.ts';
import { everyFailure } from './t02-failures.ts';
import { tornFiles } from './t02-torn.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';

export const powerTrial: Trial = {
  id: 'T02',
  title: 'power loss, torn records, failing and full disks',
  bugs: ['skip-sync', 'acknowledge-failures'],
  smoke: 1 / 60,
  async run(run) {
    await onPowerFileSystem((disk) => powerCuts(run, disk));
    if (!run.done) {
      await onPowerFileSystem((disk) => failingServer(run, disk));
    }
    if (run.plan.bug === undefined) {
      await onPowerFileSystem((disk) => everyFailure(run, disk));
      await tornFiles(run);
    }
  },
};

async function onPowerFileSystem(body: (disk: PowerFileSystem) => Promise<void>): Promise<void> {
  const disk = await PowerFileSystem.mount();
  try {
    await body(disk);
  } finally {
    await disk.unmount();
  }
}

/** As T01, and what was not synced when the server was killed is lost, or reaches the disk in no order. */
async function powerCuts(run: Run, disk: PowerFileSystem): Promise<void> {
  const server = await TestServer.create({ bug: run.plan.bug, storeDirectory: disk.directory });
  try {
    await killAgainAndAgain(run, server, run.scaled(120, 3), (round) =>
      disk.cut(round % 2 === 0 ? 'drop' : 'tear', run.plan.seed + round),
    );
  } finally {
    await server.remove();
  }
}

/** What clients are told by a server whose disk is full for a while, and then fails. */
async function failingServer(run: Run, disk: PowerFileSystem): Promise<void> {
  const server = await TestServer.create({ bug: run.plan.bug, storeDirectory: disk.directory });
  const expectCode = (what: string, code: number, expected: readonly number[]): void =>
    run.check(expected.includes(code), () => `${what}: ${code}, expected is ${expected.join(' or ')}`);
  try {
    await server.start();
    const client = server.client();
    expectCode('a write', await create(client, 'first'), [201]);
    await disk.fail(1, 'ENOSPC', true);
    expectCode('a write on a full disk', await create(client, 'full'), [507]);
    expectCode('a read on a full disk', await read(client, 'first'), [200]);
    await disk.heal();
    expectCode('a write once there is room', await create(client, 'room'), [201]);
    await disk.fail(1, 'EIO', true);
    expectCode('a write on a failing disk', await create(client, 'failing'), [500]);
    await disk.heal();
    // Nobody knows what the disk holds now: a write must not be acknowledged before a restart has looked.
    expectCode('a write after a failure', await create(client, 'after'), [500]);
    expectCode('a read after a failure', await read(client, 'first'), [200]);
    expectCode('the health after a failure', (await client.request('GET', '/readyz')).code, [500]);
    await server.kill();
    await disk.cut('drop', run.plan.seed);
    await server.start();
    const found = await Promise.all(['first', 'room', 'full'].map((name) => read(client, name)));
    run.check(found.join() === '200,200,404', () => `after the restart: first, room, full: ${found.join()}`);
    expectCode('a write after the restart', await create(client, 'again'), [201]);
  } finally {
    await disk.heal();
    await server.remove();
  }
}

async function create(client: Client, name: string): Promise<number> {
  return (await client.request('POST', configMaps, { body: { metadata: { name } } })).code;
}

async function read(client: Client, name: string): Promise<number> {
  return (await client.request('GET', `${configMaps}/${name}`)).code;
}
