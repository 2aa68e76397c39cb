/** API server, controllers and fabric in one process: `control-plane.ts --config FILE`. */
import { readFileSync } from 'node:fs';
import { kinds } from '#api/kinds.ts';
import { startApiServer } from '#apiserver/server.ts';
import { controllers } from '#controllers/controllers.ts';
import { startFabric } from '#fabric/fabric.ts';
import type { ControlPlaneConfig } from '#lab/config.ts';
import { systemClock as clock } from '#machinery/clock.ts';
import { createEventRecorder } from '#machinery/events.ts';
import { createApiClient } from '#machinery/http-client.ts';
import { createInformerFactory } from '#machinery/informer-factory.ts';
import { runControllers } from '#machinery/run-controllers.ts';
import { beginProcess } from './process.ts';

const { config, log, signal } = beginProcess<ControlPlaneConfig>();
const read = (file: string): string => readFileSync(file, 'utf8');
const tls = { cert: read(config.tls.cert), key: read(config.tls.key), ca: read(config.tls.ca) };
const server = await startApiServer({ ...config, kinds, storePath: `${config.stateDir}/store.db`, tls, log });
const client = createApiClient(config.kubeconfig);
const factory = createInformerFactory(client, { log });
const events = createEventRecorder(client, { component: 'virtualmachine-controller', log });
const loops = controllers(factory, { clock, log, events });
const fabric = startFabric({ factory, ovnNb: config.ovnNb, signal, log });
await factory.start(signal);
await Promise.all([runControllers(loops, { signal, log }), fabric.done, events.flush()]);
client.close();
await server.close();
