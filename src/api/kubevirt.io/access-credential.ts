/** `spec.accessCredentials[]`: keys and passwords put into the guest. */
import { array, object, string, type TypeOf } from '../schema.ts';

const source = object({
  secret: object({ secretName: string('Name of the Secret.') }, ['secretName']),
});

export const accessCredential = object({
  sshPublicKey: object(
    {
      source,
      propagationMethod: object({
        configDrive: object({}, [], 'By cloud-init config drive, on first boot.'),
        noCloud: object({}, [], 'By cloud-init NoCloud, on first boot.'),
        qemuGuestAgent: object({ users: array(string(), 'Users whose keys are kept.') }, ['users']),
      }),
    },
    ['source', 'propagationMethod'],
  ),
  userPassword: object(
    { source, propagationMethod: object({ qemuGuestAgent: object({}, [], 'By the guest agent.') }) },
    ['source', 'propagationMethod'],
  ),
});
export type AccessCredential = TypeOf<typeof accessCredential>;
