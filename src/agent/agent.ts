/** A node's agent: opens the drivers, learns what is there, and keeps the node as the API says. */
import { readFileSync } from 'node:fs';
import { type NodeDrivers, openNodeDrivers } from '#drivers/drivers.ts';
import { nodeDatapath, probeKernel } from '#drivers/probe/kernel.ts';
import type { ProbeRecord } from '#drivers/probe/record.ts';
import { systemClock } from '#machinery/clock.ts';
import { createEventRecorder } from '#machinery/events.ts';
import { createApiClient } from '#machinery/http-client.ts';
import { createInformerFactory } from '#machinery/informer-factory.ts';
import { keepLease } from '#machinery/lease.ts';
import type { Log } from '#machinery/log.ts';
import { runControllers } from '#machinery/run-controllers.ts';
import { NODE, resourceId } from '#node-state/resource.ts';
import { ensureCertificate, keepCertificate } from './certificate.ts';
import { type AgentConfig, tagOf } from './config.ts';
import { createAgentControllers } from './controllers.ts';
import { diff } from './diff.ts';
import { startEndpoint } from './endpoint.ts';
import { endpointBackend, streamBackend } from './endpoint-backend.ts';
import { agentInformers } from './informers.ts';
import { hasBridgeNetfilter, readDnsServers, readMachineFacts } from './machine-facts.ts';
import { composeNodeGuard } from './node-guard.ts';
import { PodStreams } from './streams/streams.ts';
import { createTriggers } from './triggers.ts';
import { throwFailures, World } from './world.ts';

/** What an agent runs with. */
export interface AgentOptions {
  readonly log: Log;
  /** Ends the agent; guests, servers and everything else it made stay. */
  readonly signal: AbortSignal;
}

/** Seconds without a renewal after which others take the node for dead; renewed every quarter of it. */
const leaseSeconds = 40;

/** Runs the agent until the signal aborts. Rejects when it cannot start. */
export async function startAgent(config: AgentConfig, options: AgentOptions): Promise<void> {
  const { log, signal } = options;
  const { nodeName, sandboxPrefix } = config;
  await ensureCertificate(config, { log, signal });
  const client = createApiClient(config.kubeconfig);
  const factory = createInformerFactory(client, { log });
  const informers = agentInformers(factory, nodeName);
  const triggers = createTriggers(systemClock, sandboxPrefix);
  await using drivers = openDrivers(config, log, () => triggers.switchChanged());
  const events = createEventRecorder(client, { component: 'patchbay-agent', host: nodeName, log });
  const [probes, datapath, bridgeNetfilter, dnsServers, machine] = await Promise.all([
    probeKernel(),
    nodeDatapath(config.ovsDb),
    hasBridgeNetfilter(),
    readDnsServers(),
    readMachineFacts(packageVersion()),
  ]);
  const world = new World({
    drivers: drivers.makers,
    sandboxPrefix,
    findScopes: async () => {
      const ofPods = informers.pods.list().map(({ metadata }) => `${sandboxPrefix}${metadata.uid}`);
      return [...new Set([...ofPods, ...(await drivers.scopes(sandboxPrefix))])];
    },
  });
  await factory.start(signal);
  if (signal.aborted) {
    return;
  }
  const loops = createAgentControllers({
    config,
    client,
    informers,
    triggers,
    drivers,
    world,
    events,
    log,
    clock: systemClock,
    probes: [...probes, acceleratorRecord(config)],
    ovsUserspace: datapath === 'netdev',
    bridgeNetfilter,
    dnsServers,
    machine,
  });
  await Promise.all([world.load(), drivers.containers.load()]);
  if (datapath === 'netdev') {
    await guardNode(world);
  }
  await loops.start();
  await using _endpoint = await startEndpoint(endpointBackend({ informers, drivers, sandboxPrefix }), {
    port: config.port,
    tls: config.tls,
    log,
    streams: new PodStreams({
      backend: streamBackend({ informers, drivers, sandboxPrefix }),
      driver: drivers.containers,
      log,
    }),
  });
  for (const scope of world.scopes()) {
    triggers.sandbox(scope);
  }
  for (const uid of drivers.containers.pods()) {
    triggers.sandboxes.fire(uid);
  }
  drivers.ip.watch(() => triggers.kernelChanged(), signal);
  log.info({ node: nodeName, sandboxes: world.scopes().length }, 'agent started');
  const lease = {
    key: { name: nodeName, namespace: 'kube-node-lease' },
    holder: nodeName,
    durationSeconds: leaseSeconds,
    log,
  };
  await Promise.all([
    keepLease(client, lease, signal),
    keepCertificate(config, client, { log, signal }),
    runControllers(loops.controllers, { signal, log }),
  ]);
  loops.close();
  client.close();
}

function openDrivers(config: AgentConfig, log: Log, onChange: () => void): NodeDrivers {
  const { runDir, stateDir, imageDir, qemuUser, ovsDb } = config;
  return openNodeDrivers({
    tag: tagOf(config),
    runDir,
    stateDir,
    imageDir,
    qemuUser,
    ovsDb,
    log: { warn: (message) => log.warn({}, message), info: (message) => log.info({}, message) },
    onChange,
  });
}

/** Before the first pod gets its pair. */
async function guardNode(world: World): Promise<void> {
  const tables = composeNodeGuard();
  const ids = new Set(tables.map(resourceId));
  const there = world.observed(NODE).filter((one) => ids.has(resourceId(one)));
  throwFailures(await world.apply(NODE, diff(tables, there)));
}

function acceleratorRecord(config: AgentConfig): ProbeRecord {
  const isKvm = config.accelerator === 'kvm';
  return {
    name: 'accelerator',
    present: isKvm,
    chosen: isKvm ? 'kvm' : 'tcg',
    why: 'as the configuration of the agent says; `patchbay doctor` tells the probe',
  };
}

function packageVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  const parsed = JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string };
  return parsed.version;
}
