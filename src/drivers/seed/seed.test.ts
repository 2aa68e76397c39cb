import { describe, expect, it } from 'vitest';
import type { VmSeed } from '#node-state/vm.ts';
import { composeSeedImage, instanceUuid } from './seed.ts';

const seed: VmSeed = {
  volumeName: 'cloudinitdisk',
  format: 'nocloud',
  instanceId: 'id-1',
  hostname: 'vm-a',
  userData: '#cloud-config\n',
  networkData: 'version: 2\n',
};

describe('composeSeedImage', () => {
  it('writes the label where blkid looks', () => {
    const image = composeSeedImage(seed);
    expect(image.toString('latin1', 16 * 2048 + 40, 16 * 2048 + 46)).toBe('cidata');
    expect(image.length % 2048).toBe(0);
  });

  it('gives equal bytes for equal seeds', () => {
    expect(composeSeedImage(seed).equals(composeSeedImage({ ...seed }))).toBe(true);
  });

  it('refuses more user data than guests accept, with the limit', () => {
    const large = { ...seed, userData: 'x'.repeat(2 * 1024 * 1024 + 1) };
    expect(() => composeSeedImage(large)).toThrow(/userData has 2097153 bytes; allowed: at most 2097152/);
  });
});

describe('instanceUuid', () => {
  it('is the same for the same name and a version 5 UUID', () => {
    expect(instanceUuid('vm-a')).toBe(instanceUuid('vm-a'));
    expect(instanceUuid('vm-a')).not.toBe(instanceUuid('vm-b'));
    expect(instanceUuid('vm-a')).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  });
});
