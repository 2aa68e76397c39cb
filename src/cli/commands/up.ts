import { type Command, Option } from 'commander';
import { locateInstance } from '#lab/instance.ts';
import { addInstanceOptions, type InstanceOptions, subCommand, wholeNumber } from '../command.ts';
import { createProgress } from '../progress.ts';

interface UpCommandOptions extends InstanceOptions {
  readonly nodes?: number;
  readonly port?: number;
  readonly accel?: 'auto' | 'kvm' | 'tcg';
  readonly ipFamilies?: 'dual' | 'ipv4' | 'ipv6';
  readonly mtu?: number;
  readonly detach: boolean;
}

const families = { dual: [4, 6], ipv4: [4], ipv6: [6] } as const;

/** `patchbay up`: starts an instance; exits 0 once its API answers and every node is Ready. */
export function registerUp(program: Command): void {
  addInstanceOptions(subCommand(program, 'up', 'start an instance, or what is missing of a running one'))
    .option('--nodes <n>', 'number of lab nodes (default: 1, or as many as it has)', wholeNumber(1, 240))
    .option('--port <port>', 'port of the API server (default: first free from 6443)', wholeNumber(1, 65_535))
    .addOption(
      new Option('--accel <accelerator>', 'how guests run (default: by probing)').choices([
        'auto',
        'kvm',
        'tcg',
      ]),
    )
    .addOption(
      new Option(
        '--ip-families <families>',
        'addresses of pods and nodes (default: dual, or ipv4 on machines without IPv6)',
      ).choices(Object.keys(families)),
    )
    .option(
      '--mtu <bytes>',
      'largest packet on the wires between nodes; pods get 100 less (default: 1500)',
      wholeNumber(1380, 65_000),
    )
    .option('--detach', 'leave it running in the background (default)', true)
    .option('--no-detach', 'stay in the foreground; Ctrl-C stops control plane and agents, guests go on')
    .action(up);
}

async function up(options: UpCommandOptions): Promise<void> {
  const { followInstance, startInstance } = await import('../start-instance.ts');
  const paths = locateInstance(options.name, options.stateDir);
  const progress = createProgress();
  await startInstance(paths, {
    ...(options.nodes === undefined ? {} : { nodes: options.nodes }),
    ...(options.port === undefined ? {} : { port: options.port }),
    ...(options.accel === undefined ? {} : { accelerator: options.accel }),
    ...(options.ipFamilies === undefined ? {} : { ipFamilies: families[options.ipFamilies] }),
    ...(options.mtu === undefined ? {} : { mtu: options.mtu }),
    progress,
  });
  process.stderr.write(`export KUBECONFIG=${paths.kubeconfig}\n`);
  if (!options.detach) {
    await followInstance(paths, progress);
  }
}
