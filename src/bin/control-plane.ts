/** API server, cluster, controllers and fabric in one process: `control-plane.ts --config FILE`. */
import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import { kinds } from '#api/kinds.ts';
import { startApiServer } from '#apiserver/server.ts';
import { clusterControllers } from '#cluster/cluster.ts';
import { controllers } from '#controllers/controllers.ts';
import { DEFAULT_NETWORK, ofFamilies } from '#fabric/config.ts';
import { startFabric } from '#fabric/fabric.ts';
import type { ControlPlaneConfig } from '#lab/config.ts';
import { ClientMetrics } from '#machinery/client-metrics.ts';
import { systemClock as clock } from '#machinery/clock.ts';
import { createEventRecorder } from '#machinery/events.ts';
import { createApiClient } from '#machinery/http-client.ts';
import { createInformerFactory } from '#machinery/informer-factory.ts';
import { QueueMetrics } from '#machinery/queue-metrics.ts';
import { runControllers } from '#machinery/run-controllers.ts';
import { beginProcess, readJson } from './process.ts';
import { clientTls, readTls } from './tls.ts';

const { configFile, signal } = beginProcess();
const config = readJson<ControlPlaneConfig>(configFile);
const { kubeconfig, listen, ovnNb, stateDir, tls: files, authorityKey } = config;
const log = pino({ base: null });
const tls = readTls(files);
const authority = { cert: tls.ca, key: readFileSync(authorityKey, 'utf8') };
const agentTls = clientTls(kubeconfig);
const storePath = `${stateDir}/store.db`;
const [queues, requests] = [new QueueMetrics(), new ClientMetrics()];
const metrics = [...queues.all, ...requests.all];
const server = await startApiServer({ kinds, storePath, listen, tls, agentTls, log, metrics });
const client = createApiClient(kubeconfig, { metrics: requests });
const factory = createInformerFactory(client, { log });
const events = createEventRecorder(client, { component: 'patchbay-control-plane', log });
const loops = [clusterControllers, controllers].flatMap((make) =>
  make(factory, { clock, log, events, rootCa: tls.ca, authority, podMtu: config.podMtu }),
);
const network = { ...ofFamilies(DEFAULT_NETWORK, config.ipFamilies), mtu: config.podMtu };
const fabric = startFabric({ ...network, factory, ovnNb, signal, log, events });
await factory.start(signal);
await Promise.all([runControllers(loops, { signal, log, metrics: queues }), fabric.done]);
await events.flush();
client.close();
await server.close();
