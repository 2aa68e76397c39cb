/** Environment variables and words of a container (kubelet's makeEnvironmentVariables and expansion). Pure. */
import type { Container, Pod } from '#api/core/pod.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { fieldValue, type PodFacts, resourceValue } from './fields.ts';
import { containersOf } from './plan.ts';
import { serviceEnvironment } from './service-environment.ts';
import type { Keyed, Sources } from './sources.ts';

/** What variables are made from. */
export interface EnvironmentInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly facts: PodFacts;
  readonly sources: Sources;
  /** `NAME=value` of the image. */
  readonly imageEnv: readonly string[];
}

/** Variables by name, later ones over earlier ones. @throws PatchbayError `CreateContainerConfigError` */
export function composeEnvironment(input: EnvironmentInput): ReadonlyMap<string, string> {
  const { container, imageEnv, pod } = input;
  const env = new Map<string, string>([
    ['PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
    ...imageEnv.map((one) => splitOnce(one)),
    ['HOSTNAME', hostnameOf(pod)],
  ]);
  const services = serviceEnvironment(input.sources.services, input.facts.apiServer);
  const own = new Map<string, string>();
  const known = { get: (name: string) => own.get(name) ?? services.get(name) };
  for (const [name, value] of fromObjects(input)) own.set(name, value);
  for (const variable of container.env ?? []) {
    const value =
      variable.valueFrom === undefined
        ? expand(variable.value ?? '', known)
        : valueFrom(input, variable.name, variable.valueFrom);
    if (value !== undefined) own.set(variable.name, value);
  }
  for (const [name, value] of [...services, ...own]) env.set(name, value);
  return env;
}

/** Name a pod has for itself: its node's when it is in the node's network. */
export function hostnameOf({ metadata, spec }: Pod): string {
  if (spec.hostNetwork === true) {
    return spec.nodeName ?? '';
  }
  return (spec.hostname || metadata.name).slice(0, 63).replace(/[-.]+$/, '');
}

function splitOnce(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function* fromObjects({ container, sources }: EnvironmentInput): Generator<readonly [string, string]> {
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    const reference = configMapRef ?? secretRef;
    const [what, objects] =
      configMapRef === undefined
        ? (['secret', sources.secrets] as const)
        : (['configmap', sources.configMaps] as const);
    const found = objects.get(reference?.name ?? '');
    if (found === undefined) {
      if (reference?.optional === true) continue;
      throw missing(`${what} "${reference?.name ?? ''}" not found`);
    }
    for (const [key, value] of found) {
      yield [`${prefix}${key}`, Buffer.from(value).toString()];
    }
  }
}

type ValueFrom = NonNullable<NonNullable<Container['env']>[number]['valueFrom']>;

function valueFrom(input: EnvironmentInput, name: string, from: ValueFrom): string | undefined {
  const { pod, container, facts, sources } = input;
  if (from.fieldRef !== undefined) {
    return fieldValue(pod, facts, from.fieldRef.fieldPath);
  }
  if (from.resourceFieldRef !== undefined) {
    const named = from.resourceFieldRef.containerName ?? container.name;
    const of = containersOf(pod).find((one) => one.name === named);
    return resourceValue(of ?? container, pod.spec, facts, from.resourceFieldRef);
  }
  if (from.configMapKeyRef !== undefined) {
    return keyOf(sources.configMaps, 'configmap', 'ConfigMap', pod, from.configMapKeyRef);
  }
  if (from.secretKeyRef !== undefined) {
    return keyOf(sources.secrets, 'secret', 'Secret', pod, from.secretKeyRef);
  }
  throw missing(`variable ${name}: this source is not supported`);
}

function keyOf(
  objects: ReadonlyMap<string, Keyed | undefined>,
  what: string,
  kind: string,
  pod: Pod,
  reference: {
    readonly name?: string | undefined;
    readonly key: string;
    readonly optional?: boolean | undefined;
  },
): string | undefined {
  const { name = '', key, optional = false } = reference;
  const object = objects.get(name);
  const value = object?.get(key);
  if (value !== undefined) {
    return Buffer.from(value).toString();
  }
  if (optional) {
    return undefined;
  }
  throw missing(
    object === undefined
      ? `${what} "${name}" not found`
      : `couldn't find key ${key} in ${kind} ${pod.metadata.namespace ?? ''}/${name}`,
  );
}

function missing(message: string): PatchbayError {
  return new PatchbayError('CreateContainerConfigError', message);
}

/** Replaces `$(NAME)` of known variables; `$$` stands for `$`; unknown ones stay as they are. */
export function expand(text: string, known: Pick<ReadonlyMap<string, string>, 'get'>): string {
  return text.replaceAll(/\$(\$|\(([^)]*)\))/g, (all, next: string, name: string | undefined) =>
    next === '$' ? '$' : (known.get(name ?? '') ?? all),
  );
}
