/** Rules of a pod. k8s.io/kubernetes/pkg/apis/core/validation ValidatePodCreate. */
import { duplicate, forbidden, invalid, required } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import { dnsLabelProblem, dnsSubdomainProblem } from '../../names.ts';
import type { Container } from '../container.ts';
import type { PodSpec } from '../pod-spec.ts';
import { ephemeralCauses } from './ephemeral-rules.ts';
import { resizePolicyCauses } from './resize-policy.ts';
import { podLevelCauses, resourceCauses } from './resource-rules.ts';

/** Checks the spec of a new pod. */
export function newPodCauses(spec: PodSpec): readonly Cause[] {
  const early = spec.ephemeralContainers?.length ?? 0;
  return [
    ...podSpecCauses(spec),
    ...hostPortCauses(spec),
    ...(early > 0 ? [forbidden('spec.ephemeralContainers', 'cannot be set on create')] : []),
  ];
}

/** In the network of the node a port is the node's. */
function hostPortCauses({ hostNetwork, containers }: PodSpec): readonly Cause[] {
  return containers.flatMap(({ ports = [] }, at) =>
    ports.flatMap(({ containerPort, hostPort }, index) =>
      hostNetwork !== true || hostPort === undefined || hostPort === containerPort
        ? []
        : [
            invalid(
              `spec.containers[${at}].ports[${index}].hostPort`,
              hostPort,
              'must match `containerPort` when `hostNetwork` is true',
            ),
          ],
    ),
  );
}

/** Checks the spec of a pod, or of a pod template; `at` is where it stands. */
export function podSpecCauses(spec: PodSpec, at = 'spec'): readonly Cause[] {
  const volumes = (spec.volumes ?? []).map(({ name }) => name);
  const lists = [
    [`${at}.initContainers`, spec.initContainers ?? []],
    [`${at}.containers`, spec.containers],
  ] as const;
  const ephemeral = [`${at}.ephemeralContainers`, spec.ephemeralContainers ?? []] as const;
  return [
    ...volumeCauses(spec.volumes ?? [], at),
    ...(spec.containers.length === 0 ? [required(`${at}.containers`, '')] : []),
    ...[...lists, ephemeral].flatMap(([field, containers]) =>
      containers.flatMap((container, index) => containerCauses(container, `${field}[${index}]`, volumes)),
    ),
    ...lists.flatMap(([field, containers]) =>
      containers.flatMap((container, index) =>
        resizePolicyCauses(container, `${field}[${index}]`, spec.restartPolicy),
      ),
    ),
    ...podLevelCauses(spec, `${at}.resources`),
    ...sharedNameCauses(lists),
    ...ephemeralCauses(spec, ephemeral[0]),
    ...spelling(`${at}.hostname`, spec.hostname, dnsLabelProblem),
    ...spelling(`${at}.subdomain`, spec.subdomain, dnsLabelProblem),
    ...spelling(`${at}.nodeName`, spec.nodeName, dnsSubdomainProblem),
    ...spelling(`${at}.serviceAccountName`, spec.serviceAccountName, dnsSubdomainProblem),
    ...atLeast(`${at}.terminationGracePeriodSeconds`, spec.terminationGracePeriodSeconds, 0),
    ...atLeast(`${at}.activeDeadlineSeconds`, spec.activeDeadlineSeconds, 1),
    ...tolerationCauses(spec, at),
  ];
}

function spelling(
  field: string,
  value: string | undefined,
  problemOf: (text: string) => string | undefined,
): readonly Cause[] {
  const problem = value === undefined || value === '' ? undefined : problemOf(value);
  return problem === undefined ? [] : [invalid(field, value, problem)];
}

function atLeast(field: string, value: number | undefined, least: number): readonly Cause[] {
  return value !== undefined && value < least
    ? [invalid(field, value, `must be greater than or equal to ${least}`)]
    : [];
}

function volumeCauses(volumes: NonNullable<PodSpec['volumes']>, at: string): readonly Cause[] {
  const seen = new Set<string>();
  return volumes.flatMap((volume, index) => {
    const field = `${at}.volumes[${index}]`;
    const causes = [...spelling(`${field}.name`, volume.name, dnsLabelProblem)];
    const sources = Object.keys(volume).filter((key) => key !== 'name');
    if (sources.length === 0) causes.push(required(field, 'must specify a volume type'));
    for (const extra of sources.slice(1)) {
      causes.push({
        type: 'FieldValueForbidden',
        field: `${field}.${extra}`,
        message: 'may not specify more than 1 volume type',
      });
    }
    if (seen.has(volume.name))
      causes.push({ type: 'FieldValueDuplicate', field: `${field}.name`, message: '', value: volume.name });
    seen.add(volume.name);
    return causes;
  });
}

function containerCauses(container: Container, field: string, volumes: readonly string[]): readonly Cause[] {
  return [
    ...(container.name === ''
      ? [required(`${field}.name`, '')]
      : spelling(`${field}.name`, container.name, dnsLabelProblem)),
    ...(container.image ? [] : [required(`${field}.image`, '')]),
    ...portCauses(container, field),
    ...envCauses(container, field),
    ...mountCauses(container, field, volumes),
    ...resourceCauses(container.resources ?? {}, `${field}.resources`),
  ];
}

function portCauses({ ports = [] }: Container, field: string): readonly Cause[] {
  const names = new Set<string>();
  return ports.flatMap((port, index) => {
    const at = `${field}.ports[${index}]`;
    const causes: Cause[] = [];
    for (const key of ['containerPort', 'hostPort'] as const) {
      const number = port[key];
      if (number !== undefined && (number < 1 || number > 65535)) {
        causes.push(invalid(`${at}.${key}`, number, 'must be between 1 and 65535, inclusive'));
      }
    }
    if (port.name !== undefined && port.name !== '') {
      if (names.has(port.name))
        causes.push({ type: 'FieldValueDuplicate', field: `${at}.name`, message: '', value: port.name });
      names.add(port.name);
    }
    return causes;
  });
}

function envCauses({ env = [] }: Container, field: string): readonly Cause[] {
  return env.flatMap(({ name, value, valueFrom }, index) => {
    const at = `${field}.env[${index}]`;
    const causes: Cause[] = [];
    if (name === '') causes.push(required(`${at}.name`, ''));
    else if (/[=\p{Cc}]/u.test(name))
      causes.push(invalid(`${at}.name`, name, "must consist of printable characters other than '='"));
    const sources = Object.keys(valueFrom ?? {});
    if (valueFrom !== undefined && value !== undefined && value !== '') {
      causes.push(invalid(`${at}.valueFrom`, '', 'may not be specified when `value` is not empty'));
    } else if (valueFrom !== undefined && sources.length !== 1) {
      const detail =
        sources.length === 0
          ? 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`'
          : 'may not have more than one field specified at a time';
      causes.push(invalid(`${at}.valueFrom`, '', detail));
    }
    return causes;
  });
}

function mountCauses(
  { volumeMounts = [] }: Container,
  field: string,
  volumes: readonly string[],
): readonly Cause[] {
  const paths = new Set<string>();
  return volumeMounts.flatMap(({ name, mountPath, subPath = '' }, index) => {
    const at = `${field}.volumeMounts[${index}]`;
    const causes: Cause[] = [];
    if (name === '') causes.push(required(`${at}.name`, ''));
    else if (!volumes.includes(name))
      causes.push({ type: 'FieldValueNotFound', field: `${at}.name`, message: '', value: name });
    if (mountPath === '') causes.push(required(`${at}.mountPath`, ''));
    if (paths.has(mountPath)) causes.push(duplicate(`${at}.mountPath`, mountPath, 'must be unique'));
    paths.add(mountPath);
    if (subPath.startsWith('/')) causes.push(invalid(`${at}.subPath`, subPath, 'must be a relative path'));
    if (subPath.split('/').includes('..'))
      causes.push(invalid(`${at}.subPath`, subPath, "must not contain '..'"));
    return causes;
  });
}

function sharedNameCauses(lists: readonly (readonly [string, readonly Container[]])[]): readonly Cause[] {
  const seen = new Set<string>();
  return lists.flatMap(([field, containers]) =>
    containers.flatMap(({ name }, index) => {
      const again = seen.has(name);
      seen.add(name);
      return again && name !== ''
        ? [
            {
              type: 'FieldValueDuplicate' as const,
              field: `${field}[${index}].name`,
              message: '',
              value: name,
            },
          ]
        : [];
    }),
  );
}

function tolerationCauses({ tolerations = [] }: PodSpec, at: string): readonly Cause[] {
  return tolerations.flatMap(({ key, operator, value, effect, tolerationSeconds }, index) => {
    const field = `${at}.tolerations[${index}]`;
    if ((key === undefined || key === '') && operator !== 'Exists') {
      return [
        invalid(
          `${field}.operator`,
          operator ?? '',
          'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        ),
      ];
    }
    if (operator === 'Exists' && value !== undefined && value !== '') {
      return [invalid(`${field}.operator`, value, "value must be empty when `operator` is 'Exists'")];
    }
    return tolerationSeconds !== undefined && effect !== 'NoExecute'
      ? [
          invalid(
            `${field}.effect`,
            effect ?? '',
            "effect must be 'NoExecute' when `tolerationSeconds` is set",
          ),
        ]
      : [];
  });
}
