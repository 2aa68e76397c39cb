/**
 * The service account of a pod is there, lends it its pull secrets and its token (kubernetes
 * `plugin/pkg/admission/serviceaccount`). `default` need not be there yet: pods of a namespace that was just made must not
 * fail, and their token is asked for when they start.
 */
import type { ServiceAccount } from '#api/core/service-account.ts';
import type { Store } from '#store/store.ts';
import type { AdmissionPlugin } from '../plugin.ts';
import { refused } from '../refusals.ts';
import { lookup } from '../stored.ts';
import { isNewPod, podOf, withSpec } from './pod.ts';
import { withTokenVolume } from './token-volume.ts';

export function serviceAccounts(store: Store): AdmissionPlugin {
  return {
    name: 'ServiceAccount',
    concerns: isNewPod,
    mutate(attributes) {
      const pod = podOf(attributes);
      if (pod === undefined) {
        return attributes.object;
      }
      const { namespace } = attributes;
      const { serviceAccountName: name = 'default', imagePullSecrets = [] } = pod.spec;
      const account = lookup<ServiceAccount>(store, 'serviceaccounts', namespace, name);
      if (account === undefined && name !== 'default') {
        const why = `error looking up service account ${namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`;
        throw refused(attributes, why);
      }
      const lent = account?.imagePullSecrets ?? [];
      const given =
        imagePullSecrets.length > 0 || lent.length === 0
          ? pod
          : { ...pod, spec: { ...pod.spec, imagePullSecrets: lent } };
      const mounts = pod.spec.automountServiceAccountToken ?? account?.automountServiceAccountToken ?? true;
      const spec = mounts ? withTokenVolume(given.spec) : given.spec;
      return spec === pod.spec ? attributes.object : withSpec(pod, spec);
    },
  };
}
