/** What every namespace has: ServiceAccount `default` and the cluster's CA. pkg/controller/{serviceaccount,certificates/rootcacertpublisher}. */
import { type ConfigMap, configMap } from '#api/core/config-map.ts';
import { namespace } from '#api/core/namespace.ts';
import { type ServiceAccount, serviceAccount } from '#api/core/service-account.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { type Controller, source } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import { isConflict, isNotFound } from '#machinery/errors.ts';
import type { Informer, InformerFactory } from '#machinery/informer.ts';
import { isNamespaceLeaving } from '../owned/pod-control.ts';

export const rootCaName = 'kube-root-ca.crt';
const rootCaKey = 'ca.crt';
const accountName = 'default';
const description =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.';

/** What this controller needs beyond what all have. */
export interface NamespaceDefaultsDeps extends ControllerDeps {
  /** PEM of the CA that signed the API server's certificate; without it no ConfigMap is made. */
  readonly rootCa?: string | undefined;
}

/** Keeps what every namespace has. */
export function createNamespaceDefaults(factory: InformerFactory, deps: NamespaceDefaultsDeps): Controller {
  const namespaces = factory.informer(namespace);
  const accounts = factory.informer(serviceAccount);
  const maps = factory.informer(configMap, { fieldSelector: `metadata.name=${rootCaName}` });
  const { client } = factory;
  return {
    name: 'namespace-defaults',
    sources: [
      source(namespaces, ({ object }) => [object.metadata.name]),
      source(accounts, ({ object: { metadata } }) =>
        metadata.name === accountName ? [metadata.namespace ?? ''] : [],
      ),
      source(maps, ({ object: { metadata } }) => [metadata.namespace ?? '']),
    ],
    reconcile: async (name) => {
      const found = namespaces.get({ name });
      if (found === undefined || found.metadata.deletionTimestamp !== undefined) {
        return undefined;
      }
      await ensureAccount(client, accounts, name);
      if (deps.rootCa !== undefined) {
        await ensureRootCa(client, maps, name, deps.rootCa);
      }
      return undefined;
    },
  };
}

async function ensureAccount(
  client: ApiClient,
  accounts: Informer<ServiceAccount>,
  name: string,
): Promise<void> {
  const metadata = { name: accountName, namespace: name };
  if (accounts.get(metadata) === undefined) {
    await client.create(serviceAccount, { metadata }).catch(ignoreRace);
  }
}

async function ensureRootCa(
  client: ApiClient,
  maps: Informer<ConfigMap>,
  name: string,
  rootCa: string,
): Promise<void> {
  const annotations = { 'kubernetes.io/description': description };
  const metadata = { name: rootCaName, namespace: name, annotations };
  const found = maps.get(metadata);
  const data = { [rootCaKey]: rootCa };
  if (found === undefined) {
    await client.create(configMap, { metadata, data }).catch(ignoreRace);
  } else if (found.data?.[rootCaKey] !== rootCa || Object.keys(found.data).length !== 1) {
    await client.update(configMap, { ...found, data }).catch(ignoreRace);
  }
}

/** Made already, or the namespace went away meanwhile: the informers will show which. */
function ignoreRace(error: unknown): void {
  if (!isConflict(error) && !isNotFound(error) && !isNamespaceLeaving(error)) {
    throw error;
  }
}
