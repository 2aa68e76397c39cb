import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '#drivers/command.ts';
import { buildGuestImage } from '#drivers/image/build.ts';
import { openImageStore } from '#drivers/image/store.ts';
import { composeSeedImage } from '#drivers/seed/seed.ts';

let directory: string;
const disk = Buffer.alloc(64 * 1024, 'disk');

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'patchbay-image-'));
});

afterAll(() => rm(directory, { recursive: true, force: true }));

/** An OCI layout with one gzip layer that holds these files. */
async function layout(name: string, files: Readonly<Record<string, Buffer>>): Promise<string> {
  const root = join(directory, `${name}-root`);
  const path = join(directory, name);
  await mkdir(join(path, 'blobs', 'sha256'), { recursive: true });
  for (const [file, content] of Object.entries(files)) {
    await mkdir(join(root, file, '..'), { recursive: true });
    await writeFile(join(root, file), content);
  }
  await run(['tar', '-C', root, '-cf', join(directory, `${name}.tar`), '.']);
  const tar = await readFile(join(directory, `${name}.tar`));
  const blob = async (content: Buffer, mediaType: string) => {
    const hex = createHash('sha256').update(content).digest('hex');
    await writeFile(join(path, 'blobs', 'sha256', hex), content);
    return { mediaType, digest: `sha256:${hex}`, size: content.length };
  };
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const layer = await blob(gzipSync(tar), 'application/vnd.oci.image.layer.v1.tar+gzip');
  const diffId = `sha256:${createHash('sha256').update(tar).digest('hex')}`;
  const config = await blob(
    json({ architecture: 'amd64', os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: [diffId] } }),
    'application/vnd.oci.image.config.v1+json',
  );
  const type = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = await blob(json({ schemaVersion: 2, mediaType: type, config, layers: [layer] }), type);
  await writeFile(join(path, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }));
  await writeFile(join(path, 'index.json'), json({ schemaVersion: 2, manifests: [manifest] }));
  return path;
}

describe('image store', () => {
  const store = () => openImageStore(join(directory, 'images'));

  it('takes the disk out of a container disk, and finds it by its name', async () => {
    const source = await layout('good', { 'disk/disk.img': disk, 'etc/other': Buffer.from('x') });
    const stored = await store().importOci('quay.io/me/disk:1', `oci:${source}`);
    expect(stored).toMatchObject({ reference: 'quay.io/me/disk:1', virtualSize: disk.length });
    const resolved = await store().resolve('docker://quay.io/me/disk:1');
    expect(resolved).toEqual(stored);
    expect(resolved.image).toMatchObject({ type: 'disk', format: 'raw' });
    const path = resolved.image.type === 'disk' ? resolved.image.path : '';
    expect((await readFile(path)).equals(disk)).toBe(true);
    expect((await stat(path)).mode & 0o777).toBe(0o644);
  });

  it('refuses container images without a disk or with two', async () => {
    const none = await layout('none', { 'etc/passwd': Buffer.from('x') });
    await expect(store().importOci('a', `oci:${none}`)).rejects.toThrow(/no file in \/disk/);
    const two = await layout('two', { 'disk/a': disk, 'disk/b': disk });
    await expect(store().importOci('a', `oci:${two}`)).rejects.toThrow(/\/disk has two files/);
  });

  it('imports qcow2 files and refuses what hides other files', async () => {
    const base = join(directory, 'base.qcow2');
    const layer = join(directory, 'layer.qcow2');
    await run(['qemu-img', 'create', '-q', '-f', 'qcow2', base, '8M']);
    await run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', base, layer]);
    expect(await store().importFile('mine', base)).toMatchObject({
      reference: 'mine:latest',
      virtualSize: 8 * 1024 * 1024,
      image: { format: 'qcow2' },
    });
    await expect(store().importFile('layer', layer)).rejects.toThrow(/backing file/);
    await symlink(base, join(directory, 'link'));
    await expect(store().importFile('link', join(directory, 'link'))).rejects.toThrow(/no regular file/);
    await expect(store().importFile('null', '/dev/null')).rejects.toThrow(/no regular file/);
  });

  it('removes an image, and its disk when no other name means it', async () => {
    await store().importFile('twin', join(directory, 'base.qcow2'));
    const { image } = await store().resolve('mine');
    const path = image.type === 'disk' ? image.path : '';
    await store().remove('mine');
    expect((await stat(path)).isFile()).toBe(true);
    await store().remove('twin');
    await expect(stat(path)).rejects.toThrow(/ENOENT/);
    await store().remove('twin');
    expect((await store().list()).map((each) => each.reference)).toEqual(['quay.io/me/disk:1']);
  });

  it('lets the built-in guest stand in for the images of the documentation, and says so', async () => {
    const fedora = 'quay.io/containerdisks/fedora:latest';
    await expect(store().resolve(fedora)).rejects.toThrow(/not built yet; build it: patchbay image build/);
    const lines: string[] = [];
    const options = { imageDir: store().imageDir, log: (line: string) => lines.push(line) };
    const built = await buildGuestImage(options);
    expect(await buildGuestImage(options)).toEqual(built);
    expect(lines).toEqual([expect.stringMatching(/^building/), expect.stringMatching(/is up to date/)]);
    const resolved = await store().resolve(fedora);
    expect(resolved.image.type).toBe('kernel');
    expect(resolved.substitution).toContain(fedora);
    await expect(store().resolve('quay.io/me/other')).rejects.toMatchObject({ reason: 'ImageNotFound' });
  });
});

describe('seed image', () => {
  const seed = {
    volumeName: 'cloudinitdisk',
    instanceId: 'i-1',
    hostname: 'vm-a',
    userData: `#cloud-config\n${'# long\n'.repeat(100_000)}`,
    networkData: 'version: 2\n',
  };

  it.each([
    ['nocloud', 'cidata', ['meta-data', 'network-config', 'user-data']],
    ['configdrive', 'config-2', ['openstack']],
  ] as const)('%s is a volume that others can read', async (format, label, names) => {
    const path = join(directory, `${format}.iso`);
    await writeFile(path, composeSeedImage({ ...seed, format }));
    const blkid = await run(['blkid', '-p', '-o', 'export', path]);
    expect(blkid.stdout).toContain(`LABEL=${label}\n`);
    expect(blkid.stdout).toContain('TYPE=iso9660\n');
    const out = join(directory, format);
    await run(['xorriso', '-osirrox', 'on', '-indev', path, '-extract', '/', out]);
    expect((await run(['ls', out])).stdout.trim().split('\n')).toEqual(names);
    const userData = format === 'nocloud' ? 'user-data' : 'openstack/latest/user_data';
    expect(await readFile(join(out, userData), 'utf8')).toBe(seed.userData);
  });

  it('has the same names for readers of Joliet', async () => {
    const path = join(directory, 'nocloud.iso');
    const { stdout } = await run(['xorriso', '-read_fs', 'norock', '-indev', path, '-ls', '/']);
    expect(stdout.trim().split('\n')).toEqual(["'meta-data'", "'network-config'", "'user-data'"]);
  });
});
