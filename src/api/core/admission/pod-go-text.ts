/** A pod's spec as kube-apiserver prints it in diffs: JSON of its internal Go structs (k8s.io/kubernetes/pkg/apis/core/types.go). */
import type { PodSpec } from '../pod-spec.ts';

type Fields = Readonly<Record<string, unknown>>;

/*
 * One struct per line: fields in order. `Name` alone is a pointer, list or map (null when absent); `/s`, `/b`, `/i` are plain
 * strings, booleans and numbers; `:T` is a struct, `:*T` a pointer to one, `:[]T` a list of them. JSON names are derived.
 */
const STRUCTS: Readonly<Record<string, string>> = {
  PodSpec:
    'Volumes:[]Volume InitContainers:[]Container Containers:[]Container EphemeralContainers RestartPolicy/s TerminationGracePeriodSeconds ActiveDeadlineSeconds DNSPolicy/s NodeSelector ServiceAccountName/s AutomountServiceAccountToken NodeName/s SecurityContext:*PodSecurityContext ImagePullSecrets Hostname/s Subdomain/s SetHostnameAsFQDN Affinity SchedulerName/s Tolerations:[]Toleration HostAliases PriorityClassName/s Priority PreemptionPolicy DNSConfig ReadinessGates RuntimeClassName Overhead EnableServiceLinks TopologySpreadConstraints OS SchedulingGates ResourceClaims Resources:*Resources HostnameOverride',
  Volume:
    'Name/s HostPath EmptyDir GCEPersistentDisk AWSElasticBlockStore GitRepo Secret NFS ISCSI Glusterfs PersistentVolumeClaim RBD Quobyte FlexVolume Cinder CephFS Flocker DownwardAPI FC AzureFile ConfigMap:*ConfigMapSource VsphereVolume AzureDisk PhotonPersistentDisk Projected:*Projected PortworxVolume ScaleIO StorageOS CSI Ephemeral Image',
  Projected: 'Sources:[]Projection DefaultMode',
  Projection:
    'Secret DownwardAPI:*DownwardAPI ConfigMap:*ConfigMapSource ServiceAccountToken:*TokenSource ClusterTrustBundle PodCertificate',
  TokenSource: 'Audience/s ExpirationSeconds/i Path/s',
  ConfigMapSource: 'Name/s Items:[]KeyToPath Optional',
  KeyToPath: 'Key/s Path/s Mode',
  DownwardAPI: 'Items:[]DownwardAPIFile',
  DownwardAPIFile: 'Path/s FieldRef:*FieldRef ResourceFieldRef Mode',
  FieldRef: 'APIVersion/s FieldPath/s',
  Container:
    'Name/s Image/s Command Args WorkingDir/s Ports:[]Port EnvFrom Env:[]Env Resources:Resources ResizePolicy RestartPolicy RestartPolicyRules VolumeMounts:[]Mount VolumeDevices LivenessProbe ReadinessProbe StartupProbe Lifecycle TerminationMessagePath/s TerminationMessagePolicy/s ImagePullPolicy/s SecurityContext Stdin/b StdinOnce/b TTY/b',
  Port: 'Name/s HostPort/i ContainerPort/i Protocol/s HostIP/s',
  Env: 'Name/s Value/s ValueFrom',
  Resources: 'Limits Requests Claims',
  Mount: 'Name/s ReadOnly/b RecursiveReadOnly MountPath/s SubPath/s MountPropagation SubPathExpr/s',
  PodSecurityContext:
    'HostNetwork/b HostPID/b HostIPC/b ShareProcessNamespace HostUsers SELinuxOptions WindowsOptions RunAsUser RunAsGroup RunAsNonRoot SupplementalGroups SupplementalGroupsPolicy FSGroup FSGroupChangePolicy Sysctls SeccompProfile AppArmorProfile SELinuxChangePolicy',
  Toleration: 'Key/s Operator/s Value/s Effect/s TolerationSeconds',
};

const FIELD = /^(\w+)(?:\/([sbi])|:(\[\]|\*)?(\w+))?$/;
const ZERO: Readonly<Record<string, unknown>> = { s: '', b: false, i: 0 };
/** Maps whose keys are data, not fields. */
const MAPS = new Set(['NodeSelector', 'Overhead', 'Limits', 'Requests']);

/** The text, without a line break at its end. */
export function goTextOf(spec: PodSpec): string {
  const { securityContext, hostNetwork, hostPID, hostIPC, shareProcessNamespace, hostUsers } = spec;
  const host = { hostNetwork, hostPID, hostIPC, shareProcessNamespace, hostUsers };
  const internal = { ...spec, securityContext: { ...securityContext, ...host } };
  // Go writes these three as escapes.
  return JSON.stringify(structOf('PodSpec', internal), null, 1).replaceAll(
    /[<>&]/g,
    (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`,
  );
}

function structOf(name: string, value: unknown): Fields {
  const given = (value ?? {}) as Fields;
  const fields = (STRUCTS[name] ?? '').split(' ').map((word): readonly [string, unknown] => {
    const [, field = word, zero, sort, type] = FIELD.exec(word) ?? [];
    return [field, fieldOf(field, given[jsonName(field)], zero, sort, type)];
  });
  return Object.fromEntries(fields);
}

function fieldOf(
  field: string,
  value: unknown,
  zero: string | undefined,
  sort: string | undefined,
  type: string | undefined,
): unknown {
  if (zero !== undefined) {
    return value ?? ZERO[zero];
  }
  if (type !== undefined && sort !== '[]') {
    return value === undefined && sort === '*' ? null : structOf(type, value);
  }
  if (type !== undefined && Array.isArray(value)) {
    return value.map((item) => structOf(type, item));
  }
  return value === undefined ? null : MAPS.has(field) ? sorted(value) : capitalised(value);
}

/** `DNSPolicy` is `dnsPolicy`, `HostIP` is `hostIP`, `FSGroup` is `fsGroup`. */
function jsonName(field: string): string {
  const known: Readonly<Record<string, string>> = { SELinuxOptions: 'seLinuxOptions', OS: 'os', TTY: 'tty' };
  return (
    known[field] ??
    field.replace(/^(?:[A-Z]+(?=[A-Z][a-z])|[A-Z]+$|[A-Z])/, (beginning) => beginning.toLowerCase())
  );
}

function sorted(value: unknown): unknown {
  return Object.fromEntries(Object.entries(value as Fields).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Structs that are rare in pods: the fields that are there, under their Go names. */
function capitalised(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(capitalised);
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      `${name.charAt(0).toUpperCase()}${name.slice(1)}`,
      capitalised(inner),
    ]),
  );
}
