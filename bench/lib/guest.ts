/** The guest that is booted both ways. */
import { readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { VirtualMachine } from '#api/kubevirt.io/virtual-machine.ts';
import { run } from '#drivers/command.ts';
import { openImageStore } from '#drivers/image/store.ts';
import { imageDir } from '#lab/names.ts';
import { firstAnswer } from './pinger.ts';
import { now, type Session } from './session.ts';

export const memoryMiB = 160;
const script = path.resolve(import.meta.dirname, '../boot-by-hand.sh');

/** The virtual machine as a user would write it: one card behind masquerade, the built-in guest. */
export function virtualMachineNamed(name: string): VirtualMachine {
  return {
    metadata: { name, namespace: 'default' },
    spec: {
      runStrategy: 'Always',
      template: {
        spec: {
          terminationGracePeriodSeconds: 0,
          domain: {
            memory: { guest: `${memoryMiB}Mi` },
            devices: { interfaces: [{ name: 'default', masquerade: {} }] },
          },
          networks: [{ name: 'default', pod: {} }],
        },
      },
    },
  };
}

/** The way to boot it by hand. */
export interface ByHand {
  /** Milliseconds from starting the script to the guest's first answer. Everything is removed again. */
  boot(): Promise<number>;
}

/** Prepares the script's environment: the image and the accelerator that the node's agent uses. */
export async function prepareByHand(agentConfig: string, session: Session): Promise<ByHand> {
  const { image } = await openImageStore(imageDir).defaultGuest();
  if (image.type !== 'kernel') {
    throw new Error('the built-in guest is expected to be a kernel');
  }
  const { accelerator } = JSON.parse(readFileSync(agentConfig, 'utf8')) as { readonly accelerator?: string };
  const isKvm = accelerator === 'kvm';
  const env = {
    KERNEL: image.boot.kernel,
    INITRD: image.boot.initrd ?? '',
    APPEND: image.boot.arguments,
    MEMORY: String(memoryMiB),
    ACCEL: isKvm ? 'kvm' : 'tcg,thread=multi,tb-size=128',
    CPU: isKvm ? 'host' : 'max',
  };
  const name = 'bench-by-hand';
  const directory = `/run/${name}`;
  await mkdir(directory, { recursive: true });
  session.undoLater(() => rm(directory, { recursive: true, force: true }));
  return {
    async boot() {
      const started = now();
      try {
        await run([script, 'start', name, directory], { env });
        return (await firstAnswer(name, session.signal)) - started;
      } finally {
        await run([script, 'stop', name, directory]);
      }
    },
  };
}
