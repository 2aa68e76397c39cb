/** A container of a pod as what is run on the node. Pure. */
import path from 'node:path';
import { capabilitiesOf, refusedNamespace, refusedPrivilege } from '#api/core/admission/privileges.ts';
import type { Container, EphemeralContainer, Pod } from '#api/core/pod.ts';
import type { ContainerImage } from '#drivers/image/container-images.ts';
import type { ContainerView } from '#drivers/pod/driver.ts';
import { PatchbayError } from '#machinery/errors.ts';
import type { ContainerMount, ContainerState } from '#node-state/container.ts';
import { composeResources } from './compose-resources.ts';
import { composeEnvironment, expand, hostnameOf } from './environment.ts';
import type { PodFacts } from './fields.ts';
import { userOf } from './image-user.ts';
import { latest } from './plan.ts';
import type { Sources } from './sources.ts';

/** Everything a run is composed from. */
export interface ContainerInput {
  readonly pod: Pod;
  readonly container: Container | EphemeralContainer;
  readonly attempt: number;
  readonly netns: string;
  readonly facts: PodFacts;
  readonly sources: Sources;
  readonly image: ContainerImage;
  /** Directories of the pod's volumes. */
  readonly volumes: ReadonlyMap<string, string>;
  /** Directory of `hosts`, `resolv.conf`, `hostname`. */
  readonly etc: string;
  /** Runs of the pod. */
  readonly views: readonly ContainerView[];
  /** Run that holds the process table of all containers. */
  readonly table: string | undefined;
}

/** Composes it. @throws PatchbayError `CreateContainerConfigError` */
export function composeContainer(input: ContainerInput): ContainerState {
  const { pod, container, image } = input;
  const env = composeEnvironment({ ...input, imageEnv: image.config.env });
  const security = container.securityContext ?? {};
  refusePrivileges(pod, container);
  return {
    podUid: pod.metadata.uid ?? '',
    name: container.name,
    attempt: input.attempt,
    netns: input.netns,
    hostname: hostnameOf(pod),
    ...targetOf(input),
    image: image.reference,
    imageId: image.digest,
    root: image.root,
    readOnlyRoot: image.root.type === 'host' || security.readOnlyRootFilesystem === true,
    argv: argvOf(container, image, env),
    env: [...env].map(([name, value]) => `${name}=${value}`),
    cwd: container.workingDir || image.config.workingDir || '/',
    user: userOf(pod, container, image),
    capabilities: capabilitiesOf(container, pod.spec).map((one) => `CAP_${one}`),
    noNewPrivileges: security.allowPrivilegeEscalation === false,
    mounts: mountsOf(input, env),
    resources: composeResources(container, pod.spec),
    terminal: container.tty === true,
    stdin: container.stdin === true,
    stdinOnce: container.stdinOnce === true,
    terminationLog: container.terminationMessagePath ?? '/dev/termination-log',
    stopSignal: container.lifecycle?.stopSignal ?? image.config.stopSignal ?? 'SIGTERM',
  };
}

/** Whose process table it shares: the pod's when there is one, else an ephemeral container its target's. */
function targetOf({ container, views, table }: ContainerInput): Pick<ContainerState, 'processesOf'> {
  if (table !== undefined) {
    return { processesOf: table };
  }
  const name = 'targetContainerName' in container ? (container.targetContainerName ?? '') : '';
  if (name === '') {
    return {};
  }
  const view = latest(views, name);
  if (view?.phase.type !== 'running') {
    throw refused(`unable to find target container ${name}: it does not run`);
  }
  return { processesOf: view.id };
}

function argvOf(
  container: Container,
  image: ContainerImage,
  env: ReadonlyMap<string, string>,
): readonly string[] {
  const command = container.command ?? [];
  const args = container.args ?? [];
  const { entrypoint, cmd } = image.config;
  const words =
    command.length > 0 ? [...command, ...args] : [...entrypoint, ...(args.length > 0 ? args : cmd)];
  if (words.length === 0) {
    throw refused(`container "${container.name}": no command: neither the image nor the container has one`);
  }
  return command.length > 0 || args.length > 0 ? words.map((word) => expand(word, env)) : words;
}

function refusePrivileges({ spec }: Pod, container: Container): void {
  const why = refusedNamespace(spec) ?? refusedPrivilege(container);
  if (why !== undefined) {
    throw refused(why);
  }
}

function mountsOf(input: ContainerInput, env: ReadonlyMap<string, string>): readonly ContainerMount[] {
  const { container, volumes, etc, image } = input;
  const bind = (source: string, destination: string, readOnly: boolean, within?: string): ContainerMount => ({
    source,
    destination,
    type: 'bind',
    readOnly,
    ...(within !== undefined && { within }),
  });
  const asked = (container.volumeMounts ?? []).map((mount) => {
    const volume = volumes.get(mount.name);
    if (volume === undefined) {
      throw refused(`volume mount "${mount.mountPath}": there is no volume "${mount.name}"`);
    }
    const below = mount.subPathExpr === undefined ? (mount.subPath ?? '') : expand(mount.subPathExpr, env);
    if (below.split('/').includes('..') || path.isAbsolute(below)) {
      throw refused(
        `volume mount "${mount.mountPath}": subPath "${below}" must be relative and without ".."`,
      );
    }
    const destination = path.resolve('/', mount.mountPath);
    return bind(path.join(volume, below), destination, mount.readOnly === true, volume);
  });
  const taken = new Set(asked.map(({ destination }) => destination));
  const own = ['hosts', 'resolv.conf', 'hostname'].map((name) =>
    bind(path.join(etc, name), `/etc/${name}`, false),
  );
  const scratch: ContainerMount[] =
    image.root.type === 'host'
      ? ['/tmp', '/run', '/var/tmp'].map((destination) => ({
          source: 'tmpfs',
          destination,
          type: 'tmpfs',
          readOnly: false,
          size: 64 * 1024 * 1024,
        }))
      : [];
  return [...[...own, ...scratch].filter(({ destination }) => !taken.has(destination)), ...asked];
}

function refused(message: string): PatchbayError {
  return new PatchbayError('CreateContainerConfigError', message, { retryable: false });
}
