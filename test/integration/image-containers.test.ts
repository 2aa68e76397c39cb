/** Images of containers: made here, imported, run. */
import { copyFile, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '#drivers/command.ts';
import { openContainerImages } from '#drivers/image/container-images.ts';
import { readEntries } from '#drivers/pod/cri-log.ts';
import { createContainerDriver } from '#drivers/pod/real.ts';

let directory = '';
const netns = `t-img-${process.pid}`;

beforeAll(async () => {
  directory = await mkdtemp('/tmp/t-image-');
  await run(['ip', 'netns', 'add', netns]);
  const layout = path.join(directory, 'layout');
  const bundle = path.join(directory, 'bundle');
  await run(['umoci', 'init', '--layout', layout]);
  await run(['umoci', 'new', '--image', `${layout}:1`]);
  await run(['umoci', 'unpack', '--image', `${layout}:1`, bundle]);
  const rootfs = path.join(bundle, 'rootfs');
  await mkdir(path.join(rootfs, 'bin'));
  await mkdir(path.join(rootfs, 'etc'));
  await copyFile('/bin/busybox', path.join(rootfs, 'bin/busybox'));
  await symlink('busybox', path.join(rootfs, 'bin/sh'));
  await writeFile(path.join(rootfs, 'etc/passwd'), 'web:x:33:44::/:/bin/sh\n');
  await run(['umoci', 'repack', '--image', `${layout}:1`, bundle]);
  const settings = [
    '--config.entrypoint',
    '/bin/sh',
    '--config.cmd',
    '-c',
    '--config.user',
    'web',
    '--config.env',
    'A=b',
  ];
  await run(['umoci', 'config', '--image', `${layout}:1`, ...settings]);
});

afterAll(async () => {
  await run(['ip', 'netns', 'delete', netns]);
  await run(['rm', '-rf', '--one-file-system', directory]);
});

test('an image is imported under its name and runs with a layer of its own', async () => {
  const images = openContainerImages(path.join(directory, 'images'));
  await expect(images.resolve('quay.io/me/web:1')).rejects.toThrow('patchbay image import quay.io/me/web:1');
  const source = `oci:${path.join(directory, 'layout')}:1`;
  const image = await images.import('docker://quay.io/me/web:1', source);
  expect(image.config).toMatchObject({ entrypoint: ['/bin/sh'], cmd: ['-c'], user: { uid: 33, gid: 44 } });
  expect(await images.import('quay.io/me/web:1', source)).toMatchObject({ digest: image.digest });
  expect((await images.list()).map(({ reference }) => reference)).toEqual(['quay.io/me/web:1']);
  const driver = createContainerDriver({
    stateDir: path.join(directory, 'state'),
    runDir: path.join(directory, 'run'),
    tag: netns,
    log: { warn: (message) => console.warn(message) },
  });
  await driver.load();
  const view = await driver.start({
    podUid: 'image-pod',
    name: 'main',
    attempt: 0,
    netns,
    hostname: 'web',
    image: image.reference,
    imageId: image.digest,
    root: image.root,
    readOnlyRoot: false,
    argv: ['/bin/sh', '-c', '/bin/busybox id -u; echo x > /tmp/new && echo written; exec /bin/busybox ls /'],
    env: [],
    cwd: '/',
    user: { uid: 0, gid: 0, groups: [] },
    capabilities: [],
    noNewPrivileges: true,
    mounts: [{ source: 'tmpfs', destination: '/tmp', type: 'tmpfs', readOnly: false }],
    resources: {},
    terminal: false,
    stdin: false,
    stdinOnce: false,
    terminationLog: '/dev/termination-log',
    stopSignal: 'SIGTERM',
  });
  await expect.poll(() => driver.list('image-pod')[0]?.phase).toMatchObject({ type: 'exited', exitCode: 0 });
  const lines: string[] = [];
  for await (const { text } of readEntries(view.logFile)) lines.push(text.toString());
  expect(lines).toEqual(expect.arrayContaining(['0', 'written', 'bin', 'etc', 'proc']));
  await driver.removePod('image-pod');
  driver.close();
  const { root } = image;
  expect(root.type === 'image' ? (await readdir(root.path)).toSorted() : []).toEqual(['bin', 'etc']);
  await images.remove('quay.io/me/web:1');
  await rm(path.join(directory, 'state'), { recursive: true });
});
