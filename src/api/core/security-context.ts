/** Security contexts of pods and containers. */
import { array, boolean, int64, object, oneOf, string } from '../schema.ts';

const atomic = { 'x-kubernetes-list-type': 'atomic' } as const;

const seLinuxOptions = object({
  user: string('SELinux user label.'),
  role: string('SELinux role label.'),
  type: string('SELinux type label.'),
  level: string('SELinux level label.'),
});

const windowsOptions = object({
  gmsaCredentialSpecName: string('Name of the GMSA credential spec.'),
  gmsaCredentialSpec: string('GMSA credential spec.'),
  runAsUserName: string('User name in Windows.'),
  hostProcess: boolean('Run as a host process.'),
});

const profile = object(
  {
    type: oneOf(['Localhost', 'RuntimeDefault', 'Unconfined'], 'Where the profile comes from.'),
    localhostProfile: string('Profile on the node, for Localhost.'),
  },
  ['type'],
);

export const podSecurityContext = object(
  {
    seLinuxOptions,
    windowsOptions,
    runAsUser: int64('User id of the processes.'),
    runAsGroup: int64('Group id of the processes.'),
    runAsNonRoot: boolean('Refuse to start as user 0.'),
    supplementalGroups: array(int64(), 'Further group ids.', atomic),
    supplementalGroupsPolicy: oneOf(['Merge', 'Strict'], 'How groups of the image count.'),
    fsGroup: int64('Group that owns the volumes.'),
    fsGroupChangePolicy: oneOf(['OnRootMismatch', 'Always'], 'When ownership of volumes is changed.'),
    sysctls: array(
      object({ name: string('Name of the parameter.'), value: string('Its value.') }, ['name', 'value']),
      'Kernel parameters of the pod namespaces.',
      atomic,
    ),
    seccompProfile: profile,
    appArmorProfile: profile,
    seLinuxChangePolicy: oneOf(['Recursive', 'MountOption'], 'How SELinux labels get on volumes.'),
  },
  [],
  'Security settings of the whole pod.',
);

export const securityContext = object(
  {
    capabilities: object({
      add: array(string(), 'Capabilities to add.', atomic),
      drop: array(string(), 'Capabilities to drop.', atomic),
    }),
    privileged: boolean('Run with all rights on the node.'),
    seLinuxOptions,
    windowsOptions,
    runAsUser: int64('User id of the process.'),
    runAsGroup: int64('Group id of the process.'),
    runAsNonRoot: boolean('Refuse to start as user 0.'),
    readOnlyRootFilesystem: boolean('Mount the root file system read-only.'),
    allowPrivilegeEscalation: boolean('Whether a process may gain more rights than its parent.'),
    procMount: oneOf(['Default', 'Unmasked'], 'How /proc is mounted.'),
    seccompProfile: profile,
    appArmorProfile: profile,
  },
  [],
  'Security settings of one container.',
);
