/** What every driver of containers must do. */
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import type { ContainerState } from '#node-state/container.ts';
import type { ContainerDriver } from './driver.ts';

/** A driver, and a container for it that runs until it is told to stop. */
export interface ContainerSubject {
  readonly driver: ContainerDriver;
  readonly container: ContainerState;
  /** A command that prints `said` and ends with status 7. */
  readonly command: readonly string[];
}

/** Runs the suite on a subject made afresh for each test. */
export function containerContract(subject: () => Promise<ContainerSubject>): void {
  it('starts a container, runs commands in it, changes its limits, ends it, tells so, and removes it', async () => {
    const { driver, container, command } = await subject();
    const { podUid } = container;
    const told: string[] = [];
    const stop = driver.onChange((uid) => told.push(uid));
    const together = { cpuShares: 2048, cpuQuota: 150_000, memory: 128 << 20 };
    await driver.limitPod(podUid, together);
    await driver.limitPod(podUid, together);
    const { id, phase } = await driver.start(container);
    expect(phase.type).toBe('running');
    expect(driver.pods()).toContain(podUid);
    expect(driver.list(podUid).map((view) => view.container.name)).toEqual([container.name]);
    const session = await driver.exec(id, { argv: command, terminal: false, stdin: false });
    expect(await Promise.all([session.exited, text(session.stdout)])).toEqual([7, 'said']);
    const resources = { ...container.resources, cpuShares: 512, given: { requests: { cpu: '500m' } } };
    await driver.updateResources(id, resources);
    await driver.updateResources(id, resources);
    expect(driver.list(podUid)[0]?.container.resources).toEqual(resources);
    await driver.signal(id, 'KILL');
    await expect.poll(() => driver.list(podUid)[0]?.phase).toMatchObject({ type: 'exited', exitCode: 137 });
    expect(told).toContain(podUid);
    await expect(driver.updateResources(id, resources)).rejects.toMatchObject({
      reason: 'ContainerNotRunning',
    });
    await expect(driver.exec(id, { argv: command, terminal: false, stdin: false })).rejects.toMatchObject({
      reason: 'ContainerNotRunning',
    });
    await driver.signal(id, 'KILL');
    await driver.remove(id);
    await driver.remove(id);
    expect(driver.list(podUid)).toEqual([]);
    stop();
  });

  it('removes everything of a pod, and again without complaint', async () => {
    const { driver, container } = await subject();
    await driver.start(container);
    await driver.start({ ...container, name: 'other' });
    await driver.removePod(container.podUid);
    await driver.removePod(container.podUid);
    expect(driver.list(container.podUid)).toEqual([]);
    expect(driver.pods()).not.toContain(container.podUid);
  });
}
