import { statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { pod } from '#api/core/pod.ts';
import { createApiClient } from '#machinery/http-client.ts';
import { instance, patchbay } from './patchbay.ts';

interface Check {
  readonly passed: boolean;
  readonly seen: string;
}

interface Report {
  readonly nics: readonly {
    readonly vm: string;
    readonly node: string;
    readonly addresses: readonly string[];
  }[];
  readonly connectivity: readonly {
    readonly from: string;
    readonly to: string;
    readonly network: string;
    readonly ping: Check;
    readonly tcp: Check;
    readonly mtu: Check;
  }[];
}

async function kubeconfig(): Promise<string> {
  return (await patchbay(['kubeconfig'])).stdout.trim();
}

/** Everything of the API, without what changes by itself (leases, heartbeats). */
async function versions(): Promise<readonly string[]> {
  const client = createApiClient(await kubeconfig());
  try {
    const { items } = await client.list(pod);
    return items.map(({ metadata }) => `${metadata.namespace}/${metadata.name} ${metadata.resourceVersion}`);
  } finally {
    client.close();
  }
}

describe('quick start', () => {
  let pods: readonly string[] = [];

  test('boots two machines on two nodes and measures every path from inside them', async () => {
    const { status, stdout, seconds } = await patchbay(['quickstart', '-o', 'json']);
    const report = JSON.parse(stdout) as Report;
    expect(report.nics.map(({ vm, node }) => `${vm} ${node}`)).toEqual([
      'example-vm node1',
      'example-vm node1',
      'example-vm-2 node2',
      'example-vm-2 node2',
    ]);
    expect(
      report.connectivity.map(({ from, to, network, ping, tcp, mtu }) => [
        `${from} > ${to}`,
        network,
        ping.passed,
        tcp.passed,
        mtu.seen,
      ]),
    ).toEqual([
      ['example-vm > example-vm-2', 'pod network', true, true, '1400 B whole'],
      ['example-vm > example-vm-2', 'bridge-network', true, true, '1500 B whole'],
      ['example-vm-2 > example-vm', 'pod network', true, true, '1400 B whole'],
      ['example-vm-2 > example-vm', 'bridge-network', true, true, '1500 B whole'],
    ]);
    expect(status).toBe(0);
    // 40 s on a quiet machine; tests share theirs.
    expect(seconds).toBeLessThan(90);
    pods = await versions();
  });

  test('a second run starts nothing anew and measures again', async () => {
    const { status, stdout } = await patchbay(['quickstart', '-o', 'json']);
    expect(status).toBe(0);
    expect((JSON.parse(stdout) as Report).connectivity).toHaveLength(4);
    expect(await versions()).toEqual(pods);
  });
});

describe('status', () => {
  test('names every process with its memory, and every sandbox with its pod', async () => {
    const { status, stdout } = await patchbay(['status', '-o', 'json']);
    const seen = JSON.parse(stdout) as {
      readonly processes: readonly {
        readonly group: string;
        readonly name: string;
        readonly pssKib?: number;
      }[];
      readonly nodes: readonly { readonly ready: boolean }[];
      readonly sandboxes: readonly { readonly vm: string; readonly netns: string }[];
    };
    expect(status).toBe(0);
    expect(seen.nodes.map(({ ready }) => ready)).toEqual([true, true]);
    expect(seen.sandboxes.map(({ vm }) => vm).toSorted()).toEqual(['example-vm', 'example-vm-2']);
    expect(
      seen.processes.filter(({ group }) => group === 'VM' || group === 'agent').length,
    ).toBeGreaterThanOrEqual(4);
    expect(seen.processes.filter(({ pssKib }) => pssKib === undefined)).toEqual([]);
    expect(seen.processes.filter(({ group }) => group === 'other')).toEqual([]);
  });

  test('the kubeconfig is for its owner only', async () => {
    expect(statSync(await kubeconfig()).mode & 0o777).toBe(0o600);
  });
});

describe('up', () => {
  test('on a running instance starts nothing anew', async () => {
    // Without the commands that an agent runs at the moment.
    const lasting = async () => {
      const { processes } = JSON.parse((await patchbay(['status', '-o', 'json'])).stdout) as {
        readonly processes: readonly { readonly pid: number; readonly name: string }[];
      };
      return processes
        .filter(({ name }) => !name.startsWith('agent helper'))
        .map(({ pid, name }) => `${pid} ${name}`)
        .toSorted();
    };
    const before = await lasting();
    expect((await patchbay(['up'])).status).toBe(0);
    expect(await lasting()).toEqual(before);
  });

  test('fewer nodes than there are change nothing and are said', async () => {
    const { status, stderr } = await patchbay(['up', '--nodes', '1']);
    expect(status).toBe(0);
    expect(stderr).toContain('has 2 nodes and keeps them');
  });

  test.each([
    [['up', '--nodes', '0'], 'allowed is a whole number from 1 to 240'],
    [['up', '--port', '70000'], 'allowed is a whole number from 1 to 65535'],
    [['up', '--accel', 'warp'], 'Allowed choices are auto, kvm, tcg'],
    [['nonsense'], "unknown command 'nonsense'"],
  ])('%j is a wrong command line', async (args, message) => {
    const { status, stderr } = await patchbay(args);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });

  test('a name that cannot be one is refused with what is allowed', async () => {
    const { status, stderr } = await patchbay(['up', '--name', '../etc'], { bare: true });
    expect(stderr).toContain('--name "../etc" is refused: allowed are 1 to 12 lower-case letters');
    expect(status).toBe(1);
  });
});

describe('down', () => {
  test('leaves nothing, and says what is not there afterwards', async () => {
    const { status, stderr } = await patchbay(['down']);
    expect(stderr).toContain('nothing is left');
    expect(status).toBe(0);
    const after = await patchbay(['status']);
    expect(after.status).toBe(1);
    expect(after.stderr).toContain(`instance "${instance}" is not up`);
  });
});
