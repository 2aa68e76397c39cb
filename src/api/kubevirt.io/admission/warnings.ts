/** What KubeVirt finds out late, told when the object is written (`Warning:` header). */
import { nearest } from '../../cause.ts';
import { networkAttachmentDefinition } from '../../k8s.cni.cncf.io/network-attachment-definition.ts';
import type { AdmissionRequest } from '../../kind.ts';
import type { KubeObject } from '../../meta.ts';
import type { VirtualMachineInstanceSpec } from '../virtual-machine-instance-spec.ts';
import { placedInterfaces } from './rule.ts';

type View = Pick<AdmissionRequest<KubeObject>, 'lookup' | 'list'> & { readonly namespace: string };
type WarningRule = (spec: VirtualMachineInstanceSpec, path: string, view: View) => readonly string[];

/** Ports the migration of a running machine uses. */
const RESERVED_PORTS: ReadonlySet<number> = new Set([49152, 49153]);
/** Namespace whose networks every namespace may use. */
const SHARED_NAMESPACE = 'default';

/** The NetworkAttachmentDefinition a network names, split. */
function attachmentOf(
  networkName: string,
  namespace: string,
): { readonly namespace: string; readonly name: string } {
  const [first = '', second] = networkName.split('/');
  return second === undefined ? { namespace, name: first } : { namespace: first, name: second };
}

const missingAttachments: WarningRule = (spec, path, view) =>
  (spec.networks ?? []).flatMap(({ multus }, index) => {
    if (multus === undefined || multus.networkName === '') return [];
    const field = `${path}.networks[${index}].multus.networkName`;
    const wanted = attachmentOf(multus.networkName, view.namespace);
    if (view.lookup(networkAttachmentDefinition, wanted.name, wanted.namespace) !== undefined) {
      return foreignAttachment(field, wanted, view.namespace);
    }
    const there = view
      .list(networkAttachmentDefinition, wanted.namespace)
      .map(({ metadata }) => metadata.name);
    return [
      `${field}: there is no NetworkAttachmentDefinition ${wanted.namespace}/${wanted.name} (${known(wanted.name, there)}); ` +
        'the virtual machine stays in Starting until it is created, or another one is named',
    ];
  });

function foreignAttachment(
  field: string,
  wanted: { readonly namespace: string; readonly name: string },
  own: string,
): string[] {
  if (wanted.namespace === own || wanted.namespace === SHARED_NAMESPACE) return [];
  return [
    `${field}: NetworkAttachmentDefinition ${wanted.namespace}/${wanted.name} is in another namespace than the virtual machine; ` +
      `clusters with namespace isolation refuse that, so create it in ${own} or ${SHARED_NAMESPACE}`,
  ];
}

function known(name: string, there: readonly string[]): string {
  if (there.length === 0) return 'the namespace has none';
  const near = nearest(name, there);
  return near === undefined
    ? `the namespace has: ${there.slice(0, 5).join(', ')}`
    : `did you mean ${JSON.stringify(near)}?`;
}

const reservedPorts: WarningRule = (spec, path) =>
  placedInterfaces(spec, path).flatMap(({ interface: { ports = [] }, field }) =>
    ports.flatMap(({ port }, index) =>
      RESERVED_PORTS.has(port)
        ? [
            `${field}.ports[${index}].port: ${port} is reserved for live migration and traffic to it is dropped; use a port other than 49152 and 49153`,
          ]
        : [],
    ),
  );

const ignoredPorts: WarningRule = (spec, path) =>
  placedInterfaces(spec, path).flatMap(({ interface: { ports, masquerade, passtBinding }, field }) =>
    ports !== undefined && masquerade === undefined && passtBinding === undefined
      ? [
          `${field}.ports: only masquerade and passtBinding evaluate ports; on this interface all ports are open`,
        ]
      : [],
  );

/** Volumes a guest can be booted from. */
const BOOTABLE = ['containerDisk', 'persistentVolumeClaim', 'dataVolume', 'ephemeral', 'hostDisk'] as const;

const bootsOwnDisk = ({ domain, volumes = [] }: VirtualMachineInstanceSpec): boolean =>
  domain.firmware?.kernelBoot?.container !== undefined ||
  volumes.some((volume) => BOOTABLE.some((source) => volume[source] !== undefined));

const noBootableDisk: WarningRule = (spec, path) =>
  bootsOwnDisk(spec)
    ? []
    : [
        `${path}.volumes: there is no bootable disk (${BOOTABLE.join(', ')}) and no kernelBoot; the default guest is started. ` +
          'Add a volume with containerDisk: {image: …} and a disk of its name to boot your own',
      ];

const isVirtio = (model: string | undefined): boolean =>
  model === undefined || model === '' || model === 'virtio';

const noDriver: WarningRule = (spec, path) =>
  placedInterfaces(spec, path).flatMap(({ interface: { model }, field }) =>
    isVirtio(model) || bootsOwnDisk(spec)
      ? []
      : [
          `${field}.model: the default guest has drivers for virtio alone, so it will not see this ${model} card; use model: virtio, or boot your own disk`,
        ],
  );

const secondCloudInit: WarningRule = ({ volumes = [] }, path) =>
  volumes
    .map((volume, index) => ({ volume, index }))
    .filter(
      ({ volume }) => volume.cloudInitNoCloud !== undefined || volume.cloudInitConfigDrive !== undefined,
    )
    .slice(1)
    .map(
      ({ volume, index }) =>
        `${path}.volumes[${index}]: ${JSON.stringify(volume.name)} is a second cloud-init volume and is not used; join it with the first`,
    );

const RULES: readonly WarningRule[] = [
  missingAttachments,
  reservedPorts,
  ignoredPorts,
  noBootableDisk,
  noDriver,
  secondCloudInit,
];

/** Warnings about a spec; `path` is its path in the object. */
export function warnAboutSpec(
  spec: VirtualMachineInstanceSpec,
  path: string,
  request: AdmissionRequest<KubeObject>,
): readonly string[] {
  const namespace = request.object.metadata.namespace ?? SHARED_NAMESPACE;
  const view: View = {
    namespace,
    lookup: (kind, name, within) => request.lookup(kind, name, within),
    list: (kind, within) => request.list(kind, within),
  };
  return RULES.flatMap((rule) => rule(spec, path, view));
}
