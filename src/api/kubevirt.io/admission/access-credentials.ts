/** Rules for `spec.accessCredentials[]`. KubeVirt vmi-create-admitter.go. */
import { invalid, required } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import type { AccessCredential } from '../access-credential.ts';
import type { VmiVolume } from '../volume.ts';
import type { SpecRule } from './rule.ts';

export const accessCredentials: SpecRule = ({ accessCredentials: credentials = [], volumes = [] }, path) =>
  credentials.flatMap((credential, index) => {
    const field = `${path}.accessCredentials[${index}]`;
    const { sshPublicKey, userPassword } = credential;
    if ((sshPublicKey === undefined) === (userPassword === undefined)) {
      return [
        invalid(field, Object.keys(credential), 'must have exactly one of sshPublicKey and userPassword'),
      ];
    }
    return sshPublicKey === undefined
      ? passwordCauses(userPassword, `${field}.userPassword`)
      : keyCauses(sshPublicKey, `${field}.sshPublicKey`, volumes);
  });

const SECRET = 'must have exactly one source; give secret: {secretName: …}';

function sourceCauses(
  source: { readonly secret?: { readonly secretName: string } | undefined },
  field: string,
): readonly Cause[] {
  if (source.secret === undefined) return [required(`${field}.source`, SECRET)];
  return source.secret.secretName === ''
    ? [required(`${field}.source.secret.secretName`, 'name the Secret')]
    : [];
}

function keyCauses(
  { source, propagationMethod: method }: NonNullable<AccessCredential['sshPublicKey']>,
  field: string,
  volumes: readonly VmiVolume[],
): readonly Cause[] {
  const at = `${field}.propagationMethod`;
  const causes = [...sourceCauses(source, field)];
  const given = (['noCloud', 'configDrive', 'qemuGuestAgent'] as const).filter(
    (key) => method[key] !== undefined,
  );
  if (given.length !== 1) {
    causes.push(
      invalid(
        at,
        given,
        'must have exactly one of noCloud: {}, configDrive: {} and qemuGuestAgent: {users: […]}',
      ),
    );
  }
  if (method.noCloud !== undefined && !volumes.some((volume) => volume.cloudInitNoCloud !== undefined)) {
    causes.push(
      invalid(`${at}.noCloud`, {}, 'requires a cloudInitNoCloud volume; add one, or use qemuGuestAgent'),
    );
  }
  if (
    method.configDrive !== undefined &&
    !volumes.some((volume) => volume.cloudInitConfigDrive !== undefined)
  ) {
    causes.push(
      invalid(
        `${at}.configDrive`,
        {},
        'requires a cloudInitConfigDrive volume; add one, or use qemuGuestAgent',
      ),
    );
  }
  if (method.qemuGuestAgent?.users.length === 0) {
    causes.push(required(`${at}.qemuGuestAgent.users`, 'must name at least one user of the guest'));
  }
  return causes;
}

function passwordCauses(password: AccessCredential['userPassword'], field: string): readonly Cause[] {
  if (password === undefined) return [];
  const causes = [...sourceCauses(password.source, field)];
  if (password.propagationMethod.qemuGuestAgent === undefined) {
    causes.push(
      required(
        `${field}.propagationMethod`,
        'must have exactly one propagation method; give qemuGuestAgent: {}',
      ),
    );
  }
  return causes;
}
