/**
 * The service account of a pod is there and lends it its pull secrets (kubernetes `plugin/pkg/admission/serviceaccount`).
 * `default` need not be there: pods of a namespace that was just made must not fail. No token is mounted here.
 */
import type { ServiceAccount } from '#api/core/service-account.ts';
import type { Store } from '#store/store.ts';
import type { AdmissionPlugin } from '../plugin.ts';
import { refused } from '../refusals.ts';
import { lookup } from '../stored.ts';
import { isNewPod, podOf, withSpec } from './pod.ts';

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
      return imagePullSecrets.length > 0 || lent.length === 0
        ? attributes.object
        : withSpec(pod, { imagePullSecrets: lent });
    },
  };
}
