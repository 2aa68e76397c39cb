/** The embedded API server: one store, one catalog of kinds, some addresses. */
import path from 'node:path';
import { pino } from 'pino';
import type { KindDefinition } from '#api/kind.ts';
import { type Clock, systemClock } from '#machinery/clock.ts';
import type { Metric } from '#machinery/prometheus.ts';
import { Store } from '#store/store.ts';
import { admissionOf } from './admission/plugins.ts';
import { AuditFile } from './audit/audit-file.ts';
import { Access } from './auth/access.ts';
import type { Authorizer } from './auth/authorize.ts';
import { RoleAggregation } from './auth/rbac/aggregation.ts';
import { reconcileDefaultRoles } from './auth/rbac/reconcile.ts';
import { loadSigningKey } from './auth/tokens/signing-key.ts';
import { compactor } from './compactor.ts';
import { CustomKinds } from './crd/custom-kinds.ts';
import { ensureDefaults } from './defaults.ts';
import { Fairness, type FairnessLimits } from './fairness/fairness.ts';
import { type Listener, listen } from './http/listener.ts';
import { ensureKubernetesService } from './kubernetes-service.ts';
import type { Log } from './log.ts';
import { Metrics } from './metrics/metrics.ts';
import { type Pipeline, serve } from './pipeline.ts';
import type { Services } from './registry/call.ts';
import { Catalog } from './registry/catalog.ts';
import { reviewKinds } from './reviews/reviews.ts';
import type { AgentTls } from './subresources/agent-connection.ts';
import { serveUpgrade } from './subresources/upgrade.ts';

export interface ApiServerOptions {
  readonly kinds: readonly KindDefinition[];
  /** The store; what else the server keeps is beside it: the key that signs tokens (`sa.key`), the audit log (`audit.log`). */
  readonly storePath: string;
  /** Every address listens on its own; port 0 picks one. */
  readonly listen: readonly { readonly host: string; readonly port: number }[];
  /** PEM. `ca` signs the clients' certificates. */
  readonly tls: { readonly cert: string; readonly key: string; readonly ca: string };
  /** Who this server is to the agents of nodes (logs, exec, port-forward of pods); absent: those are refused. */
  readonly agentTls?: AgentTls;
  readonly clock?: Clock;
  /** Default: pino on standard output, level info. */
  readonly log?: Log;
  /** How clients share the server. */
  readonly fairness?: Partial<FairnessLimits>;
  /** Asked after the own ones (masters, node, roles). */
  readonly authorizers?: readonly Authorizer[];
  /** Shown at `/metrics` after the server's own. */
  readonly metrics?: readonly Metric[];
}

export interface ApiServer {
  /** `https://HOST:PORT`, in the order of `listen`. */
  readonly urls: readonly string[];
  /** Ends watches, lets running requests finish, commits and closes the store. */
  close(): Promise<void>;
}

/** Longest wait for running requests at shutdown, in milliseconds. */
const drainMs = 5_000;

/** Opens the store and listens. Rejects with `StoreError` or `PatchbayError` (`ListenFailed`); then nothing is left open. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const log: Log = options.log ?? pino({ name: 'apiserver' });
  const clock = options.clock ?? systemClock;
  const store = new Store({ path: options.storePath });
  const servers: Listener[] = [];
  const beside = (name: string): string => path.join(path.dirname(options.storePath), name);
  let audit: AuditFile | undefined;
  try {
    audit = new AuditFile(beside('audit.log'), log);
    const fairness = new Fairness(options.fairness);
    const catalog = new Catalog([...options.kinds, ...reviewKinds]);
    const access = new Access({
      store,
      clock,
      key: loadSigningKey(beside('sa.key')),
      ...(options.authorizers === undefined ? {} : { authorizers: options.authorizers }),
    });
    // What the server writes itself passes no plug-in: a webhook that is down must not keep it from starting.
    const own: Services = { store, catalog, clock, access };
    const admission = admissionOf(own, access.authorizers, log);
    const custom = new CustomKinds(own, log);
    const metrics = new Metrics({ store, catalog, fairness, more: options.metrics ?? [] });
    const pipeline: Pipeline = {
      onDefinition: () => custom.sync(),
      store,
      catalog,
      clock,
      log,
      agentTls: options.agentTls,
      watches: new Set(),
      checks: [
        ['ping', () => undefined],
        ['store', () => store.failure?.message],
      ],
      access,
      audit,
      fairness,
      metrics,
      onRead: (operation, resource, began) => metrics.store.read(operation, resource, began),
      onWatch: (kind) => metrics.control.watchEvents(kind),
      plugins: admission.plugins.map((plugin) => metrics.control.measured(plugin)),
    };
    await Promise.all([ensureDefaults(own), reconcileDefaultRoles(own)]);
    const aggregation = new RoleAggregation(own, log);
    await aggregation.settle();
    custom.start();
    for (const address of options.listen) {
      servers.push(
        await listen(
          {
            serve: (request, response) => void serve(pipeline, request, response),
            upgrade: (request, socket, head) => void serveUpgrade(pipeline, request, socket, head),
          },
          options.tls,
          address,
          log,
        ),
      );
    }
    const stopCompacting = compactor(store, clock, log);
    const urls = servers.map((server) => server.url);
    await ensureKubernetesService(own, urls);
    log.info({ urls, revision: store.revision }, 'API server is ready');
    return {
      urls,
      close: () =>
        shutDown(pipeline, servers, custom, () => {
          stopCompacting();
          aggregation.close();
          access.close();
          return admission.close();
        }),
    };
  } catch (error) {
    await Promise.all(servers.map((server) => server.stop(0)));
    audit?.close();
    store.close();
    throw error;
  }
}

async function shutDown(
  pipeline: Pipeline,
  servers: readonly Listener[],
  custom: CustomKinds,
  stopFollowers: () => Promise<void>,
): Promise<void> {
  const stopped = servers.map((server) => server.stop(drainMs));
  for (const end of [...pipeline.watches]) {
    end();
  }
  await Promise.all([...stopped, custom.close()]);
  await stopFollowers();
  pipeline.audit?.close();
  pipeline.store.close();
  pipeline.log.info({}, 'API server has stopped');
}
