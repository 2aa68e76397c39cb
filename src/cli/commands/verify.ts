import { type Command, Option } from 'commander';
import { addInstanceOptions, addOutputOption, subCommand, wholeNumber } from '../command.ts';
import type { VerifyOptions } from '../verify/verify.ts';

/** `patchbay verify`: who reaches whom and who must not, measured from inside pods and guests. */
export function registerVerify(program: Command): void {
  const command = subCommand(
    program,
    'verify',
    'measure from inside pods and guests who reaches whom, and who must not',
  )
    .option('-n, --namespace <namespace...>', 'only what is in these namespaces')
    .option(
      '--network <network...>',
      'only NICs on these networks: default, or [NAMESPACE/]NAME of a definition',
    )
    .option('--vm <vm...>', 'only these virtual machines, [NAMESPACE/]NAME')
    .option('--pod <pod...>', 'only these pods, [NAMESPACE/]NAME')
    .option(
      '--peers <n>',
      'most others that a NIC is tried against, reachable and not',
      wholeNumber(1, 100),
      8,
    )
    .addOption(
      new Option(
        '--expect <what>',
        'only who must reach whom, or only who must not, with what proves it (default: both)',
      ).choices(['reach', 'no-reach']),
    )
    .option(
      '--settle <seconds>',
      'how long a NIC that reaches nobody yet is waited for before it is measured',
      wholeNumber(1, 30),
      20,
    )
    .option('--wait <seconds>', 'how long an expected answer is waited for', wholeNumber(1, 10), 5)
    .option('--timeout <seconds>', 'longest time for all of it', wholeNumber(5, 3600), 600);
  addOutputOption(addInstanceOptions(command)).action(async (options: VerifyOptions) => {
    const { runVerify } = await import('../verify/verify.ts');
    await runVerify(options);
  });
}
