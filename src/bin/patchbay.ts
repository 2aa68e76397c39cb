/** The command line `patchbay`. */
import { runCli } from '#cli/run-cli.ts';

await runCli(process.argv);
