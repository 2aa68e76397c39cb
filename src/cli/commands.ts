/** Every command of `patchbay`, in the order its help shows them. */
import type { RegisterCommand } from './command.ts';
import { registerBackup } from './commands/backup.ts';
import { registerDoctor } from './commands/doctor.ts';
import { registerDown } from './commands/down.ts';
import { registerImage } from './commands/image.ts';
import { registerKubeconfig } from './commands/kubeconfig.ts';
import { registerQuickstart } from './commands/quickstart.ts';
import { registerRestore } from './commands/restore.ts';
import { registerStatus } from './commands/status.ts';
import { registerUp } from './commands/up.ts';
import { registerVerify } from './commands/verify.ts';

export const commands: readonly RegisterCommand[] = [
  registerQuickstart,
  registerUp,
  registerDown,
  registerStatus,
  registerDoctor,
  registerVerify,
  registerKubeconfig,
  registerImage,
  registerBackup,
  registerRestore,
];
