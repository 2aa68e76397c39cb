/** The agent's configuration file. */
import { readFileSync } from 'node:fs';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import type { Accelerator } from '#node-state/vm.ts';

/** What an agent is told; paths are absolute. */
export interface AgentConfig {
  readonly nodeName: string;
  readonly kubeconfig: string;
  /**
   * Kubeconfig with a bootstrap token: the agent asks for its certificate with it, writes `kubeconfig` itself and renews it.
   * Absent: `kubeconfig` is there already.
   */
  readonly bootstrapKubeconfig?: string;
  /** Sandboxes are network namespaces named `<sandboxPrefix><pod uid>`; ends with a dot. */
  readonly sandboxPrefix: string;
  readonly runDir: string;
  readonly stateDir: string;
  readonly imageDir: string;
  /** Remote of the node's Open vSwitch database: `unix:/…/db.sock`. */
  readonly ovsDb: string;
  /** Numeric ids QEMU runs as. */
  readonly qemuUser: { readonly uid: number; readonly gid: number };
  /** Absent: QEMU's driver decides. */
  readonly accelerator?: Accelerator;
  /** Addresses of the node that others reach, at most one per family; the first is of the cluster's primary family. */
  readonly nodeAddresses: readonly string[];
  /** Largest packet of the pod network, bytes: that of the underlay less 100. */
  readonly podMtu: number;
  /** Files of the HTTPS endpoint; `ca` signs its clients. */
  readonly tls: { readonly cert: string; readonly key: string; readonly ca: string };
  readonly port: number;
}

/** Reads a configuration file; throws a PatchbayError `InvalidConfiguration` that names what is missing. */
export function readAgentConfig(file: string): AgentConfig {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new PatchbayError('InvalidConfiguration', `${file}: ${messageOf(cause)}`, {
      cause,
      retryable: false,
    });
  }
  const fields = new Map<string, unknown>(
    typeof parsed === 'object' && parsed !== null ? Object.entries(parsed) : [],
  );
  const texts = ['nodeName', 'kubeconfig', 'sandboxPrefix', 'runDir', 'stateDir', 'imageDir', 'ovsDb'];
  const missing = [
    ...texts.filter((key) => typeof fields.get(key) !== 'string'),
    ...['qemuUser', 'tls', 'nodeAddresses'].filter((key) => typeof fields.get(key) !== 'object'),
    ...['port', 'podMtu'].filter((key) => typeof fields.get(key) !== 'number'),
  ];
  if (missing.length > 0) {
    throw new PatchbayError('InvalidConfiguration', `${file} lacks ${missing.join(', ')}`, {
      retryable: false,
    });
  }
  return parsed as AgentConfig;
}

/** Our tag on links and rows: the sandbox prefix without its dot. */
export function tagOf(config: Pick<AgentConfig, 'sandboxPrefix'>): string {
  return config.sandboxPrefix.replace(/\.$/, '');
}
