/** Who has a say in writes, in upstream's order (kubernetes `pkg/kubeapiserver/options/plugins.go`). */
import type { Authorizer } from '../auth/authorize.ts';
import type { Log } from '../log.ts';
import type { Services } from '../registry/call.ts';
import { certificateRequests } from './certificates/certificate-requests.ts';
import type { AdmissionPlugin } from './plugin.ts';
import { hostAccess } from './pods/host-access.ts';
import { limitRanger } from './pods/limit-range.ts';
import { priority } from './pods/priority.ts';
import { runtimeClasses } from './pods/runtime-class.ts';
import { serviceAccounts } from './pods/service-account.ts';
import { expressions } from './policy/expressions.ts';
import { validatingPolicies } from './policy/validating-policies.ts';
import { resourceQuotas } from './quota/resource-quota.ts';
import { QuotaStatus } from './quota/status.ts';
import { serviceAllocation } from './services/allocation.ts';
import { WebhookClient } from './webhook/client.ts';
import { mutatingWebhooks } from './webhook/mutating.ts';
import { validatingWebhooks } from './webhook/validating.ts';

/** The plug-ins of a server. */
export interface Admission {
  readonly plugins: readonly AdmissionPlugin[];
  /** Ends connections to webhooks and the writing of quotas' status. */
  close(): Promise<void>;
}

/** Makes the plug-ins of a server. What they write themselves passes no plug-in. */
export function admissionOf(services: Services, authorizers: readonly Authorizer[], log: Log): Admission {
  const { store, catalog } = services;
  const status = new QuotaStatus(services, log);
  const client = new WebhookClient();
  const calling = { store, client };
  return {
    plugins: [
      limitRanger(store),
      serviceAccounts(store),
      priority(store),
      runtimeClasses(store),
      serviceAllocation(store),
      certificateRequests(authorizers),
      hostAccess(authorizers),
      expressions,
      mutatingWebhooks(calling, catalog, authorizers),
      validatingPolicies(store, catalog, authorizers),
      validatingWebhooks(calling, catalog, authorizers),
      resourceQuotas(services, status),
    ],
    close: () => {
      client.close();
      return status.close();
    },
  };
}
