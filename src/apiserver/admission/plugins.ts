/** Who has a say in writes, in upstream's order (kubernetes `pkg/kubeapiserver/options/plugins.go`). */
import type { Services } from '../registry/call.ts';
import type { AdmissionPlugin } from './plugin.ts';
import { limitRanger } from './pods/limit-range.ts';
import { priority } from './pods/priority.ts';
import { runtimeClasses } from './pods/runtime-class.ts';
import { serviceAccounts } from './pods/service-account.ts';

/** The plug-ins of a server. */
export function admissionPlugins({ store }: Pick<Services, 'store' | 'catalog'>): readonly AdmissionPlugin[] {
  return [limitRanger(store), serviceAccounts(store), priority(store), runtimeClasses(store)];
}
