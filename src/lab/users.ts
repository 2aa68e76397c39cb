/** System users that own what needs no root. */
import { readFileSync } from 'node:fs';
import { run } from '#drivers/command.ts';
import { PatchbayError } from '#machinery/errors.ts';

/** A user as processes and files know it. */
export interface SystemUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** The user of control plane and OVN central. */
export const controlPlaneUser = 'patchbay';
/** The user of guests' QEMU. */
export const qemuUser = 'patchbay-qemu';

/** Looks a user up in `/etc/passwd`. */
function lookupUser(name: string): SystemUser | undefined {
  const fields = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .find(([user]) => user === name);
  return fields === undefined ? undefined : { name, uid: Number(fields[2]), gid: Number(fields[3]) };
}

/** The user of that name, made as a system user without login when missing. Two instances may start at once. */
export async function ensureUser(name: string): Promise<SystemUser> {
  const found = lookupUser(name);
  if (found !== undefined) {
    return found;
  }
  const argv = [
    'useradd',
    '--system',
    '--user-group',
    '--no-create-home',
    '--home-dir',
    '/nonexistent',
    '--shell',
    '/usr/sbin/nologin',
    name,
  ];
  try {
    await run(argv);
  } catch (error) {
    if (lookupUser(name) === undefined) throw error; // else another command made it meanwhile
  }
  const made = lookupUser(name);
  if (made === undefined) {
    throw new PatchbayError('NoSystemUser', `system user "${name}" was made but is not in /etc/passwd`);
  }
  return made;
}
