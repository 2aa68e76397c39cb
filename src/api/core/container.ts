/** Containers of a pod. */
import { array, boolean, int32, listMap, object, oneOf, repeatable, string, type TypeOf } from '../schema.ts';
import { lifecycle, probe } from './probe.ts';
import { keySelector } from './reference.ts';
import { resourceRequirements } from './resources.ts';
import { securityContext } from './security-context.ts';
import { fieldSources } from './volume.ts';

const atomic = { 'x-kubernetes-list-type': 'atomic' } as const;

export const protocol = oneOf(['SCTP', 'TCP', 'UDP'], 'Transport protocol.', { default: 'TCP' });

const containerPort = object(
  {
    name: string('Name of the port, unique in the pod.'),
    containerPort: int32('Port the container listens on.'),
    hostPort: int32('Port of the node that leads to it.'),
    hostIP: string('Address of the node the host port is bound to.'),
    protocol,
  },
  ['containerPort'],
);

const fileKeyRef = object(
  { volumeName: string(), path: string('File in the volume.'), key: string(), optional: boolean() },
  ['volumeName', 'path', 'key'],
  'One key of an environment file.',
  { 'x-kubernetes-map-type': 'atomic' },
);

const envVar = object(
  {
    name: string('Name of the variable.'),
    value: string('Its value; $(OTHER) is replaced.'),
    valueFrom: object({
      ...fieldSources,
      configMapKeyRef: keySelector,
      secretKeyRef: keySelector,
      fileKeyRef,
    }),
  },
  ['name'],
);

const envFromReference = object({
  name: string('Name of the object.', { default: '' }),
  optional: boolean(),
});
const envFrom = array(
  object({
    prefix: string('Put before every key.'),
    configMapRef: envFromReference,
    secretRef: envFromReference,
  }),
  'Objects whose keys become variables.',
  atomic,
);

const volumeMount = object(
  {
    name: string('Name of a volume.'),
    mountPath: string('Path in the container.'),
    subPath: string('Path in the volume.'),
    subPathExpr: string('Path in the volume, with $(VAR).'),
    readOnly: boolean('Mount read-only.'),
    recursiveReadOnly: string('Disabled, IfPossible or Enabled.'),
    mountPropagation: string('None, HostToContainer or Bidirectional.'),
  },
  ['name', 'mountPath'],
);

const containerFields = {
  name: string('Name, a DNS label, unique in the pod.'),
  image: string('Image reference.'),
  command: array(string(), 'Replaces the entry point of the image.', atomic),
  args: array(string(), 'Arguments of the entry point.', atomic),
  workingDir: string('Working directory.'),
  ports: repeatable(listMap(['containerPort', 'protocol'], containerPort, 'Ports it listens on.')),
  env: repeatable(listMap(['name'], envVar, 'Environment variables.')),
  envFrom,
  resources: { ...resourceRequirements, default: {} },
  resizePolicy: array(
    object({ resourceName: string(), restartPolicy: string() }, ['resourceName', 'restartPolicy']),
    'What a change of a resource entails.',
    atomic,
  ),
  restartPolicy: string('Always makes an init container a sidecar.'),
  restartPolicyRules: array(
    object(
      {
        action: string(),
        exitCodes: object({ operator: string(), values: array(int32(), undefined, atomic) }, ['operator']),
      },
      ['action'],
    ),
    'Rules by exit status.',
    atomic,
  ),
  volumeMounts: listMap(['mountPath'], volumeMount, 'Where volumes are mounted.'),
  volumeDevices: listMap(
    ['devicePath'],
    object({ name: string('Name of a volume.'), devicePath: string('Path of the device.') }, [
      'name',
      'devicePath',
    ]),
    'Block volumes given as devices.',
  ),
  livenessProbe: probe,
  readinessProbe: probe,
  startupProbe: probe,
  lifecycle,
  terminationMessagePath: string('File the last words are read from.', { default: '/dev/termination-log' }),
  terminationMessagePolicy: oneOf(['FallbackToLogsOnError', 'File'], 'Where the last words come from.', {
    default: 'File',
  }),
  imagePullPolicy: oneOf(['Always', 'IfNotPresent', 'Never'], 'When the image is pulled.'),
  securityContext,
  stdin: boolean('Keep an input open.'),
  stdinOnce: boolean('Close the input after the first client.'),
  tty: boolean('Give it a terminal; needs stdin.'),
};

export const container = object(containerFields, ['name'], 'One container.');
export type Container = TypeOf<typeof container>;

export const ephemeralContainer = object(
  { ...containerFields, targetContainerName: string('Container whose namespaces are shared.') },
  ['name'],
  'A container added to a running pod.',
);
export type EphemeralContainer = TypeOf<typeof ephemeralContainer>;
