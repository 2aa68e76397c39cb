import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isDocumentationImage } from './aliases.ts';
import { packCpio } from './cpio.ts';
import { inspectDisk } from './inspect.ts';
import { extractElfKernel, withoutModuleSignature } from './kernel.ts';
import { normalizeReference } from './store.ts';
import { readTar } from './tar.ts';

describe('references', () => {
  it.each([
    ['quay.io/a/b', 'quay.io/a/b:latest'],
    ['docker://quay.io/a/b:1', 'quay.io/a/b:1'],
    ['host:5000/a/b', 'host:5000/a/b:latest'],
    ['a@sha256:00', 'a@sha256:00'],
    ['default-guest', 'default-guest'],
  ])('%s is %s', (reference, name) => expect(normalizeReference(reference)).toBe(name));

  it.each([
    ['quay.io/containerdisks/fedora:latest', true],
    ['quay.io/containerdisks/centos-stream:9', true],
    ['registry.redhat.io/rhel9/rhel-guest-image', true],
    ['registry:5000/kubevirt/fedora-cloud-container-disk-demo:devel', true],
    ['quay.io/kubevirt/cirros-container-disk-demo@sha256:00', true],
    ['quay.io/me/my-database:1', false],
    ['evil/containerdisks-not/x', false],
  ])('the documentation has %s: %s', (reference, expected) =>
    expect(isDocumentationImage(reference)).toBe(expected),
  );
});

describe('inspectDisk', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'inspect-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  const file = async (change: (header: Buffer) => void): Promise<string> => {
    const header = Buffer.alloc(1024);
    change(header);
    const path = join(directory, 'disk');
    await writeFile(path, header);
    return path;
  };
  const qcow2 = (change: (header: Buffer) => void): Promise<string> =>
    file((header) => {
      header.writeUInt32BE(0x514649fb, 0);
      header.writeUInt32BE(3, 4);
      header.writeBigUInt64BE(4096n, 24);
      change(header);
    });

  it('tells qcow2 from raw', async () => {
    expect(await inspectDisk(await qcow2(() => undefined), 'x')).toEqual({
      format: 'qcow2',
      virtualSize: 4096,
    });
    expect(await inspectDisk(await file(() => undefined), 'x')).toEqual({ format: 'raw', virtualSize: 1024 });
  });

  it.each([
    ['a backing file', (header: Buffer) => header.writeBigUInt64BE(512n, 8)],
    ['is encrypted', (header: Buffer) => header.writeUInt32BE(2, 32)],
    ['in another file', (header: Buffer) => header.writeBigUInt64BE(4n, 72)],
    ['qcow2 version 9', (header: Buffer) => header.writeUInt32BE(9, 4)],
    ['its format is VMDK', (header: Buffer) => header.write('KDMV', 0)],
  ])('refuses: %s', async (why, change) => {
    await expect(inspectDisk(await qcow2(change), 'x')).rejects.toThrow(why);
  });

  it('refuses what is no whole number of sectors', async () => {
    const path = join(directory, 'odd');
    await writeFile(path, 'text');
    await expect(inspectDisk(path, 'x')).rejects.toThrow(/4 bytes are no whole number/);
  });
});

/** One ustar member. */
function member(path: string, content: string, type = '0'): Buffer {
  const header = Buffer.alloc(512);
  header.write(path, 0);
  header.write(Buffer.byteLength(content).toString(8).padStart(11, '0'), 124);
  header.write(type, 156);
  header.write('ustar', 257);
  return Buffer.concat([header, Buffer.from(content), Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

async function members(archive: Buffer, chunkSize: number): Promise<readonly string[]> {
  const chunks = Array.from({ length: Math.ceil(archive.length / chunkSize) }, (_, index) =>
    archive.subarray(index * chunkSize, (index + 1) * chunkSize),
  );
  const found: string[] = [];
  for await (const each of readTar(Readable.from(chunks), 'x')) {
    let text = '';
    // Every second member is left unread.
    if (found.length % 2 === 0) {
      for await (const part of each.content()) {
        text += part.toString();
      }
    }
    found.push(`${each.path}${each.isFile ? '' : ' (no file)'}=${text}`);
  }
  return found;
}

describe('readTar', () => {
  it.each([1, 100, 512, 100_000])('reads members whatever the chunks (%i)', async (chunkSize) => {
    const pax = '24 path=disk/long-name\n';
    const archive = Buffer.concat([
      member('./disk/a.img', 'x'.repeat(700)),
      member('/etc/passwd', 'skipped'),
      member('PaxHeader', pax, 'x'),
      member('short', 'pax'),
      member('disk/link', '', '2'),
      Buffer.alloc(1024),
    ]);
    expect(await members(archive, chunkSize)).toEqual([
      `disk/a.img=${'x'.repeat(700)}`,
      'etc/passwd=',
      'disk/long-name=pax',
      'disk/link (no file)=',
    ]);
  });

  it('refuses an archive that is cut off', async () => {
    await expect(members(member('disk/a', 'x'.repeat(700)).subarray(0, 800), 512)).rejects.toThrow(/cut off/);
  });
});

describe('the guest image', () => {
  it('packs an archive the kernel knows, equal for equal inputs', () => {
    const entries = [
      { type: 'directory', path: 'dev', mode: 0o755 },
      { type: 'device', path: 'dev/null', mode: 0o666, major: 1, minor: 3 },
      { type: 'symlink', path: 'sh', target: 'busybox' },
      { type: 'file', path: 'init', mode: 0o755, content: Buffer.from('#!') },
    ] as const;
    const archive = packCpio(entries);
    expect(archive.toString('latin1', 0, 14)).toBe('07070100000001');
    expect(archive.length % 4).toBe(0);
    expect(packCpio(entries).equals(archive)).toBe(true);
  });

  it('takes signatures off modules and leaves unsigned ones alone', () => {
    const trailer = Buffer.alloc(12);
    trailer.writeUInt32BE(3, 8);
    const signed = Buffer.concat([
      Buffer.from('codesig'),
      trailer,
      Buffer.from('~Module signature appended~\n'),
    ]);
    expect(withoutModuleSignature(signed).toString()).toBe('code');
    expect(withoutModuleSignature(Buffer.from('code')).toString()).toBe('code');
  });

  it('unpacks an LZ4 kernel with literals, matches and repeating matches', () => {
    // ELF, then "abcd" and a match of 8 at distance 4, then the last literal.
    const block = Buffer.concat([
      Buffer.of(0x84),
      Buffer.from('\x7fELFabcd', 'latin1'),
      Buffer.of(4, 0, 0x10),
      Buffer.from('!'),
    ]);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(block.length);
    const unpacked = Buffer.from('\x7fELFabcdabcdabcd!', 'latin1');
    const size = Buffer.alloc(4);
    size.writeUInt32LE(unpacked.length);
    const payload = Buffer.concat([Buffer.of(2, 0x21, 0x4c, 0x18), length, block, size]);
    const bzImage = Buffer.alloc(1024 + payload.length);
    bzImage.write('HdrS', 0x202);
    bzImage.writeUInt8(1, 0x1f1);
    bzImage.writeUInt32LE(payload.length, 0x24c);
    payload.copy(bzImage, 1024);
    expect(extractElfKernel(bzImage)?.equals(unpacked)).toBe(true);
    expect(extractElfKernel(Buffer.alloc(4096))).toBeUndefined();
    bzImage.writeUInt8(200, 1024 + 8 + 9);
    expect(() => extractElfKernel(bzImage)).toThrow(/LZ4 match points outside/);
  });
});
