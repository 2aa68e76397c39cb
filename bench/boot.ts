/**
 * Time from creating one virtual machine through the API to its guest answering a ping, over the same guest started by a
 * hand-written shell script; how much of it is ours; and how many API writes it takes. See README.md.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { run } from '#drivers/command.ts';
import { locateInstance } from '#lab/instance.ts';
import { nodeNetns, nodePaths } from '#lab/names.ts';
import { createApiClient } from '#machinery/http-client.ts';
import { ApiLog } from './lib/api-log.ts';
import { type Boot, bootOurs, type OursParts } from './lib/boot-ours.ts';
import { calibrate, calibrationLine } from './lib/calibrate.ts';
import { watchExecs } from './lib/exec-watch.ts';
import { type ByHand, prepareByHand, virtualMachineNamed } from './lib/guest.ts';
import { runBench, type Session, settle } from './lib/session.ts';
import { median, ratioLine, ratioOf, summary, summaryLine } from './lib/stats.ts';

const instance = 'bench';
const goals = { ratio: 1.1, ownShare: 50, writes: 4 };
const patchbay = path.resolve(import.meta.dirname, '../bin/patchbay');

await runBench(7, async (session) => {
  const calibration = await calibrate();
  session.say(calibrationLine(calibration));
  const { parts, byHand, kubeconfig } = await prepare(session);
  const boots: Boot[] = [];
  const manual: number[] = [];
  await bootOurs(parts, 'bench-warm');
  await byHand.boot();
  for (let round = 1; round <= session.options.rounds; round += 1) {
    await settle();
    const boot = await bootOurs(parts, `bench-${round}`);
    await settle();
    const ms = await byHand.boot();
    boots.push(boot);
    manual.push(ms);
    session.say(
      `round ${round}: ours ${boot.answered.toFixed(0)} ms (own share ${ownShare(boot).toFixed(1)}), by hand ${ms.toFixed(0)} ms`,
    );
  }
  const kubectl = await kubectlTimes(kubeconfig);
  const ratio = ratioOf(
    boots.map(({ answered }) => answered),
    manual,
  );
  const last = boots.at(-1);
  const writes = boots.map((boot) => writesOf(boot));
  return {
    result: {
      calibration,
      goals,
      ratio,
      ownShare: summary(boots.map(ownShare)),
      apiWrites: median(writes),
      kubectl: summary(kubectl),
      boots,
      byHand: manual,
    },
    lines: [
      calibrationLine(calibration),
      ratioLine('create -> ping, over by hand', ratio, goals.ratio),
      line(`share that is ours (goal p50 <= ${goals.ownShare} ms)`, boots.map(ownShare)),
      line(
        '  create sent -> QEMU executed',
        boots.map(({ executed }) => executed),
      ),
      line(
        '  QEMU answers over QMP -> phase Running on a watch',
        boots.map(({ seen, ready }) => seen - ready),
      ),
      line(
        'not ours: QEMU executed -> answers over QMP',
        boots.map(({ ready, executed }) => ready - executed),
      ),
      line('a kubectl process that applies (not contained above)', kubectl),
      `API writes until Running, besides the create: ${median(writes)} (goal ${goals.writes}): ${JSON.stringify(last?.writes)}`,
      ...(last?.story.map((text) => `  ${text}`) ?? []),
    ],
  };
});

function line(what: string, samples: readonly number[]): string {
  return `${what}: ${summaryLine(summary(samples))}`;
}

function ownShare({ executed, ready, seen }: Boot): number {
  return executed + (seen - ready);
}

function writesOf({ writes }: Boot): number {
  return Object.values(writes).reduce((sum, count) => sum + count, 0);
}

async function prepare(session: Session): Promise<{ parts: OursParts; byHand: ByHand; kubeconfig: string }> {
  session.undoLater(() => run([patchbay, 'down', '--name', instance], { timeoutMs: 60_000 }));
  await run([patchbay, 'up', '--name', instance, '--nodes', '1'], { timeoutMs: 120_000 });
  const paths = locateInstance(instance);
  const client = createApiClient(paths.kubeconfig);
  const execs = await watchExecs((await run(['which', 'qemu-system-x86_64'])).stdout.trim());
  session.undoLater(() => {
    execs.close();
    client.close();
  });
  const ended = new AbortController();
  session.undoLater(() => ended.abort());
  const parts = {
    session,
    client,
    log: await ApiLog.start(client, ended.signal),
    execs,
    nodeNetns: nodeNetns(instance, 'node1'),
    agentLog: path.join(paths.log, 'agent-node1.log'),
  };
  const byHand = await prepareByHand(nodePaths(paths, 'node1').agentConfig, session);
  return { parts, byHand, kubeconfig: paths.kubeconfig };
}

/** What `kubectl apply` costs besides the create: the same manifest, with nothing stored. */
async function kubectlTimes(kubeconfig: string): Promise<number[]> {
  const file = `/run/bench-by-hand/vm.json`;
  const manifest = { apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', ...virtualMachineNamed('bench') };
  await writeFile(file, JSON.stringify(manifest));
  const samples: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    const started = performance.now();
    await run(['kubectl', '--kubeconfig', kubeconfig, 'apply', '--dry-run=server', '-f', file]);
    samples.push(performance.now() - started);
  }
  return samples;
}
