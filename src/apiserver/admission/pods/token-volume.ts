/** The volume with a service account's token that pods get unasked, exactly as upstream composes it. Pure but for its name. */
import type { Container, Pod } from '#api/core/pod.ts';
import { generatedName } from '../../registry/names.ts';

type Spec = Pod['spec'];
type Volume = NonNullable<Spec['volumes']>[number];

const volumePrefix = 'kube-api-access-';
/** Where clients in containers look for their token. */
const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
/** An hour, and a little by which upstream knows tokens that it made itself. */
const tokenSeconds = 3607;

/** The spec with the volume mounted in every container that has nothing of its own there; the same one when none lacks it. */
export function withTokenVolume(spec: Spec): Spec {
  const lacking = [...(spec.initContainers ?? []), ...spec.containers].some((one) => !isMounted(one));
  if (!lacking) {
    return spec;
  }
  const there = spec.volumes?.find(({ name }) => name.startsWith(volumePrefix))?.name;
  const name = there ?? generatedName(volumePrefix);
  const mount = { name, readOnly: true, mountPath };
  const complete = (one: Container): Container =>
    isMounted(one) ? one : { ...one, volumeMounts: [...(one.volumeMounts ?? []), mount] };
  return {
    ...spec,
    containers: spec.containers.map(complete),
    ...(spec.initContainers === undefined ? {} : { initContainers: spec.initContainers.map(complete) }),
    ...(there === undefined ? { volumes: [...(spec.volumes ?? []), tokenVolume(name)] } : {}),
  };
}

function isMounted({ volumeMounts = [] }: Container): boolean {
  return volumeMounts.some((mount) => mount.mountPath === mountPath);
}

function tokenVolume(name: string): Volume {
  return {
    name,
    projected: {
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { expirationSeconds: tokenSeconds, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
    },
  };
}
