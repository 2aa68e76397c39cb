import { type Command, Option } from 'commander';
import { locateInstance } from '#lab/instance.ts';
import { addInstanceOptions, type InstanceOptions, subCommand, wholeNumber } from '../command.ts';
import { createProgress } from '../progress.ts';

interface UpCommandOptions extends InstanceOptions {
  readonly nodes?: number;
  readonly port?: number;
  readonly accel?: 'auto' | 'kvm' | 'tcg';
  readonly detach: boolean;
}

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
    progress,
  });
  process.stderr.write(`export KUBECONFIG=${paths.kubeconfig}\n`);
  if (!options.detach) {
    await followInstance(paths, progress);
  }
}
