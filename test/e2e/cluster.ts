/** The shared instance as its users see it: kubectl, guests, sandboxes. */
import { spawn } from 'node:child_process';
import { pod } from '#api/core/pod.ts';
import { virtualMachineInstance } from '#api/kubevirt.io/virtual-machine-instance.ts';
import { type GuestResult, openGuests } from '#cli/quickstart/guest.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { createApiClient } from '#machinery/http-client.ts';
import { type CliResult, instance, patchbay as runPatchbay } from './patchbay.ts';

/** What `patchbay status -o json` tells, as far as tests read it. */
export interface Status {
  readonly processes: readonly {
    readonly group: string;
    readonly name: string;
    readonly node?: string;
    readonly pid: number;
    readonly pssKib?: number;
  }[];
  readonly nodes: readonly { readonly name: string; readonly address: string; readonly netns: string }[];
}

/** A running instance of two nodes. Ends with `close`. */
export interface Cluster {
  readonly client: ApiClient;
  readonly kubeconfig: string;
  status(): Promise<Status>;
  /** Runs kubectl; `input` is its standard input. Never throws for an exit code. */
  kubectl(args: readonly string[], input?: string): Promise<CliResult>;
  /** Like `kubectl`, but an exit code other than 0 fails the test with what kubectl said. */
  must(args: readonly string[], input?: string): Promise<string>;
  /** Runs kubectl and resolves, once it has printed something, with what it will have printed when it ends. */
  follow(args: readonly string[]): Promise<{ readonly ended: Promise<CliResult> }>;
  /** Runs a shell script in a guest of a namespace; `$1`, `$2`, … are `words`. */
  guest(namespace: string, vm: string, script: string, ...words: readonly string[]): Promise<GuestResult>;
  /** Runs a command in the network namespace of a pod's sandbox. */
  inPod(namespace: string, name: string, argv: readonly string[]): Promise<CliResult>;
  close(): void;
}

/** Runs a command to its end and reports how it ended; `onOutput` is called with each piece of its standard output. */
export async function execute(
  argv: readonly string[],
  input?: string,
  env: Readonly<Record<string, string>> = {},
  onOutput: (text: string) => void = () => undefined,
): Promise<CliResult> {
  const [file = '', ...args] = argv;
  const begin = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout?.on('data', (chunk: Buffer) => {
      stdout.push(chunk);
      onOutput(chunk.toString());
    });
    child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.stdin?.end(input);
    child.once('error', reject);
    child.once('close', (code) =>
      resolve({
        status: code ?? 1,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
        seconds: (performance.now() - begin) / 1000,
      }),
    );
  });
}

/** Brings the shared instance up, when it is not, and opens it. */
/**
 * The shared instance; with a name of its own one that the test takes down itself.
 * @param flags of `patchbay up`, for one of its own
 */
export async function openCluster(name = instance, flags: readonly string[] = []): Promise<Cluster> {
  const patchbay = (args: readonly string[]): Promise<CliResult> =>
    runPatchbay([...args, '--name', name], { bare: true });
  const up = await patchbay(['up', '--nodes', '2', ...flags]);
  if (up.status !== 0) {
    throw new Error(`patchbay up: ${up.stderr}`);
  }
  const kubeconfig = (await patchbay(['kubeconfig'])).stdout.trim();
  const client = createApiClient(kubeconfig);
  const status = async (): Promise<Status> =>
    JSON.parse((await patchbay(['status', '-o', 'json'])).stdout) as Status;
  const { nodes } = await status();
  const guests = openGuests(kubeconfig, (node) => nodes.find(({ name }) => name === node)?.address ?? '');
  const kubectl: Cluster['kubectl'] = (args, input) =>
    execute(['kubectl', ...args], input, { KUBECONFIG: kubeconfig });
  return {
    client,
    kubeconfig,
    status,
    kubectl,
    async must(args, input) {
      const { status: code, stdout, stderr } = await kubectl(args, input);
      if (code !== 0) {
        throw new Error(`kubectl ${args.join(' ')}: ${stderr}${stdout}`);
      }
      return stdout;
    },
    follow(args) {
      return new Promise((resolve, reject) => {
        const ended = execute(['kubectl', ...args], undefined, { KUBECONFIG: kubeconfig }, () =>
          resolve({ ended }),
        );
        ended.then(() => resolve({ ended }), reject);
      });
    },
    async guest(namespace, vm, script, ...words) {
      const vmi = await client.get(virtualMachineInstance, { namespace, name: vm });
      return guests.run(vmi, script, ...words);
    },
    async inPod(namespace, podName, argv) {
      const { metadata, spec } = await client.get(pod, { namespace, name: podName });
      const netns = `${name}.${spec?.nodeName ?? ''}.${metadata.uid ?? ''}`;
      return execute(['nsenter', `--net=/run/netns/${netns}`, '--', ...argv]);
    },
    close() {
      guests.close();
      client.close();
    },
  };
}

/**
 * A virtual machine with the default guest on a node; `nics` follow the default one. `ethernets` is its network
 * configuration in place of DHCP on the default card.
 */
export function vmManifest(options: {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  readonly ports?: readonly number[];
  readonly nics?: readonly { readonly name: string; readonly network: string; readonly address: string }[];
  readonly ethernets?: Readonly<Record<string, unknown>>;
}): string {
  const { namespace, name, node, ports, nics = [], ethernets: own = { eth0: { dhcp4: true } } } = options;
  const ethernets = Object.fromEntries([
    ...Object.entries(own),
    ...nics.map(({ address }, index) => [`eth${index + 1}`, { addresses: [address] }] as const),
  ]);
  return JSON.stringify({
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachine',
    metadata: { namespace, name },
    spec: {
      runStrategy: 'Always',
      template: {
        metadata: { labels: { app: name } },
        spec: {
          nodeSelector: { 'kubernetes.io/hostname': node },
          domain: {
            memory: { guest: '128Mi' },
            devices: {
              interfaces: [
                { name: 'default', masquerade: {}, ...(ports && { ports: ports.map((port) => ({ port })) }) },
                ...nics.map((nic) => ({ name: nic.name, bridge: {} })),
              ],
            },
          },
          networks: [
            { name: 'default', pod: {} },
            ...nics.map((nic) => ({ name: nic.name, multus: { networkName: nic.network } })),
          ],
          volumes: [
            { name: 'seed', cloudInitNoCloud: { networkData: JSON.stringify({ version: 2, ethernets }) } },
          ],
        },
      },
    },
  });
}

/** Waits until every virtual machine of a namespace runs and its guest's agent talks. */
export async function awaitGuests(cluster: Cluster, namespace: string): Promise<void> {
  const all = ['-n', namespace, '--all'];
  await cluster.must(['wait', 'vm', ...all, '--for=condition=Ready', '--timeout=60s']);
  await cluster.must(['wait', 'vmi', ...all, '--for=condition=AgentConnected', '--timeout=90s']);
}

/** A policy that makes `br1` over `eth1` on every node, as documented. */
const bridgePolicy = JSON.stringify({
  apiVersion: 'nmstate.io/v1',
  kind: 'NodeNetworkConfigurationPolicy',
  metadata: { name: 'br1-eth1-policy' },
  spec: {
    desiredState: {
      interfaces: [
        {
          name: 'br1',
          description: 'Linux bridge with eth1 as a port',
          type: 'linux-bridge',
          state: 'up',
          ipv4: { enabled: false },
          bridge: { options: { stp: { enabled: false } }, port: [{ name: 'eth1' }] },
        },
      ],
    },
  },
});

/** Makes a namespace, and `br1` over `eth1` on every node. */
export async function prepare(cluster: Cluster, namespace: string): Promise<void> {
  await cluster.must(['create', 'namespace', namespace]);
  await cluster.must(['apply', '-f', '-'], bridgePolicy);
  await cluster.must(['wait', 'nncp/br1-eth1-policy', '--for=condition=Available', '--timeout=30s']);
}

/** Several JSON manifests as one. */
export function listOf(manifests: readonly string[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests.map((one) => JSON.parse(one)) });
}

/** A NetworkAttachmentDefinition of type bridge. */
export function bridgeNad(
  namespace: string,
  name: string,
  config: Readonly<Record<string, unknown>>,
): string {
  return JSON.stringify({
    apiVersion: 'k8s.cni.cncf.io/v1',
    kind: 'NetworkAttachmentDefinition',
    metadata: { namespace, name },
    spec: { config: JSON.stringify({ cniVersion: '0.3.1', name, type: 'bridge', bridge: 'br1', ...config }) },
  });
}
