/** What the endpoint tells, from the informers and the drivers. */
import type { NodeDrivers } from '#drivers/drivers.ts';
import { NODE } from '#node-state/resource.ts';
import type { EndpointBackend, VmiEntry } from './endpoint.ts';
import type { AgentInformers } from './informers.ts';
import type { StreamBackend } from './streams/pod-target.ts';

/** What it reads. */
export interface BackendParts {
  readonly informers: Pick<AgentInformers, 'pods' | 'vmis'>;
  readonly drivers: Pick<NodeDrivers, 'vm' | 'guest' | 'reach'>;
  readonly sandboxPrefix: string;
}

/** Makes the backend. */
export function endpointBackend(parts: BackendParts): EndpointBackend {
  const { informers, drivers, sandboxPrefix } = parts;
  return {
    findVmi: (namespace, name) => informers.vmis.get({ namespace, name })?.metadata.uid,
    exec: (uid, argv, options) => drivers.guest.exec(uid, argv, options),
    sandboxes: () =>
      informers.pods
        .list()
        .filter(({ spec }) => spec.hostNetwork !== true)
        .map(({ metadata }) => ({
          namespace: metadata.namespace ?? '',
          pod: metadata.name,
          uid: metadata.uid ?? '',
          netns: `${sandboxPrefix}${metadata.uid ?? ''}`,
        })),
    reach: (namespace, name, request) => {
      const uid = informers.pods.get({ namespace, name })?.metadata.uid;
      return uid === undefined ? undefined : drivers.reach.run(`${sandboxPrefix}${uid}`, request);
    },
    vmis: async () => {
      const entries = await Promise.all(informers.vmis.list().map((vmi) => entryOf(vmi.metadata, drivers)));
      return entries.flat();
    },
  };
}

/** Makes what streams of pods are served from. */
export function streamBackend(
  parts: Pick<BackendParts, 'informers' | 'sandboxPrefix'> & {
    readonly drivers: Pick<NodeDrivers, 'vm' | 'containers'>;
  },
): StreamBackend {
  const { informers, drivers, sandboxPrefix } = parts;
  return {
    findPod: (namespace, name) => informers.pods.get({ namespace, name }),
    views: (podUid) => drivers.containers.list(podUid),
    netns: ({ metadata, spec }) =>
      spec.hostNetwork === true ? NODE : `${sandboxPrefix}${metadata.uid ?? ''}`,
    serialLog: async (vmiUid) => (await drivers.vm.info(vmiUid))?.serialLog,
  };
}

async function entryOf(
  metadata: {
    readonly namespace?: string | undefined;
    readonly name: string;
    readonly uid?: string | undefined;
  },
  drivers: Pick<NodeDrivers, 'vm'>,
): Promise<readonly VmiEntry[]> {
  const { namespace = '', name, uid = '' } = metadata;
  const info = await drivers.vm.info(uid);
  if (info === undefined) {
    return [];
  }
  const { netns, status, pid, agentConnected, serialLog } = info;
  return [{ namespace, name, uid, netns, status, pid, agentConnected, serialLog }];
}
