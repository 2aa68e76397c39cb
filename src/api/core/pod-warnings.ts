/** What upstream tells of pods that it takes all the same. Rule: k8s.io/kubernetes/pkg/api/pod/warnings.go. */
import { isDeepStrictEqual } from 'node:util';
import type { AdmissionRequest } from '../kind.ts';
import type { KubeObject, ObjectMeta } from '../meta.ts';
import type { TypeOf } from '../schema.ts';
import type { container } from './container.ts';
import type { PodSpec } from './pod-spec.ts';

type Container = TypeOf<typeof container>;

const betterLabels: Readonly<Record<string, readonly [since: string, use: string]>> = {
  'beta.kubernetes.io/arch': ['v1.14', 'kubernetes.io/arch'],
  'beta.kubernetes.io/os': ['v1.14', 'kubernetes.io/os'],
  'failure-domain.beta.kubernetes.io/region': ['v1.17', 'topology.kubernetes.io/region'],
  'failure-domain.beta.kubernetes.io/zone': ['v1.17', 'topology.kubernetes.io/zone'],
  'beta.kubernetes.io/instance-type': ['v1.17', 'node.kubernetes.io/instance-type'],
};

/** Warnings of a pod. */
export function podWarnings({ object, old, subresource }: AdmissionRequest<PodLike>): readonly string[] {
  return subresource === undefined && old === undefined ? warningsOf(object, '') : [];
}

/** Warnings of the template of a workload, when it is new or changed. */
export function templateWarnings({
  object,
  old,
  subresource,
}: AdmissionRequest<KubeObject & { readonly spec?: unknown }>): readonly string[] {
  const template = templateOf(object);
  return subresource !== undefined ||
    template === undefined ||
    (old !== undefined && isDeepStrictEqual(templateOf(old), template))
    ? []
    : warningsOf(template, 'spec.template.');
}

interface PodLike extends KubeObject {
  readonly spec: PodSpec;
}

interface Template {
  readonly metadata?: Pick<ObjectMeta, 'annotations'> | undefined;
  readonly spec: PodSpec;
}

function templateOf({ spec }: { readonly spec?: unknown }): Template | undefined {
  return (spec as { readonly template?: Template } | undefined)?.template;
}

function warningsOf({ metadata, spec }: Template, prefix: string): readonly string[] {
  return [
    ...Object.keys(spec.nodeSelector ?? {}).flatMap((key) => {
      const [since, use] = betterLabels[key] ?? [];
      return use === undefined
        ? []
        : [`${prefix}spec.nodeSelector[${key}]: deprecated since ${since}; use "${use}" instead`];
    }),
    ...(spec.topologySpreadConstraints ?? []).flatMap(({ topologyKey }, index) => {
      const [since, use] = betterLabels[topologyKey] ?? [];
      const path = `${prefix}spec.topologySpreadConstraints[${index}].topologyKey`;
      return use === undefined
        ? []
        : [`${path}: ${topologyKey} is deprecated since ${since}; use "${use}" instead`];
    }),
    ...annotationWarnings(metadata?.annotations ?? {}, `${prefix}metadata.annotations`),
    ...(['initContainers', 'containers'] as const).flatMap((list) =>
      (spec[list] ?? []).flatMap((one, index) => containerWarnings(one, `${prefix}spec.${list}[${index}]`)),
    ),
  ];
}

function annotationWarnings(annotations: Readonly<Record<string, string>>, path: string): readonly string[] {
  return Object.keys(annotations).flatMap((key) => {
    if (/^(container\.)?seccomp\.security\.alpha\.kubernetes\.io\//.test(key)) {
      return [`${path}[${key}]: non-functional in v1.27+; use the "seccompProfile" field instead`];
    }
    return key.startsWith('container.apparmor.security.beta.kubernetes.io/')
      ? [`${path}[${key}]: deprecated since v1.30; use the "appArmorProfile" field instead`]
      : [];
  });
}

function containerWarnings({ env = [], ports = [], resources }: Container, path: string): readonly string[] {
  return [
    ...Object.entries({ limits: resources?.limits, requests: resources?.requests }).flatMap(
      ([list, amounts]) =>
        Object.entries(amounts ?? {}).flatMap(([name, amount]) =>
          (name === 'memory' || name === 'ephemeral-storage') && /\dm$/.test(String(amount))
            ? [
                `${path}.resources.${list}[${name}]: fractional byte value "${amount}" is invalid, must be an integer`,
              ]
            : [],
        ),
    ),
    ...env.flatMap(({ name, value = '' }, index) => {
      const reference = `$(${name})`;
      const hides = env.slice(0, index).some((before) => before.name === name);
      return hides && (value === reference || !value.includes(reference))
        ? [
            `${path}.env[${index}]: hides previous definition of "${name}", which may be dropped when using apply`,
          ]
        : [];
    }),
    ...ports.flatMap((port, index) => {
      const first = ports.findIndex(
        ({ containerPort, protocol = 'TCP', hostPort, hostIP }) =>
          containerPort === port.containerPort &&
          protocol === (port.protocol ?? 'TCP') &&
          hostPort === port.hostPort &&
          hostIP === port.hostIP,
      );
      return first < index
        ? [`${path}.ports[${index}]: duplicate port definition with ${path}.ports[${first}]`]
        : [];
    }),
  ];
}
