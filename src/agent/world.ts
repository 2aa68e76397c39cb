/** What is known to exist on the node, and the way to change it: read once from the drivers, then kept in memory. */
import type { Driver } from '#drivers/driver.ts';
import { canonicalOvs } from '#drivers/ovs/driver.ts';
import { PatchbayError } from '#machinery/errors.ts';
import {
  type Netns,
  NODE,
  type Operation,
  type Outcome,
  type Resource,
  type ResourceKind,
  resourceId,
} from '#node-state/resource.ts';
import { diff } from './diff.ts';

/** A driver of any kinds, as the world uses it. */
export type AnyDriver = Driver<Resource>;

/** Kinds that are changed together; the phases of making, in order. Taking away goes backwards. */
const phases: readonly (readonly ResourceKind[])[] = [
  ['netns', 'link', 'address', 'neighbour', 'route'],
  ['sysctl', 'nft-table', 'ovs-bridge', 'ovs-port', 'ovs-mappings', 'dhcp-server'],
  ['vm'],
];

/** Where the node's things are told apart. */
export interface WorldOptions {
  readonly drivers: readonly AnyDriver[];
  readonly sandboxPrefix: string;
  /** Network namespaces that have something of ours, found when the agent starts. */
  readonly findScopes: () => Promise<readonly Netns[]>;
}

/** The world. Passes over one scope must not overlap; passes over different scopes may. */
export class World {
  readonly #options: WorldOptions;
  readonly #known = new Map<Netns, Map<string, Resource>>();
  /** Scopes whose last change failed somewhere: what is known of them is to be read again. */
  readonly #doubtful = new Set<Netns>();

  constructor(options: WorldOptions) {
    this.#options = options;
  }

  /** Reads everything that is there. */
  async load(): Promise<void> {
    const found = await this.#options.findScopes();
    this.#known.clear();
    await this.#readNode();
    await Promise.all(found.map((scope) => this.refresh(scope)));
    await this.#adoptNodeTables();
  }

  /** Sandboxes that have something of ours. */
  scopes(): readonly Netns[] {
    return [...this.#known].flatMap(([scope, resources]) =>
      scope !== NODE && resources.size > 0 ? [scope] : [],
    );
  }

  /** What is known to be there. */
  observed(scope: Netns): readonly Resource[] {
    return [...(this.#known.get(scope)?.values() ?? [])];
  }

  /** Reads a scope again. */
  async refresh(scope: Netns): Promise<void> {
    if (scope === NODE) {
      await this.#readNode();
      return;
    }
    const here = this.#options.drivers.filter((driver) => !isOvs(driver));
    const lists = await Promise.all(here.map((driver) => driver.observe(scope)));
    const kept = await this.#nodeSide(scope);
    this.#replace(scope, [...lists.flat(), ...kept]);
    this.#doubtful.delete(scope);
  }

  /** Makes a scope what is desired. Resolves with what failed; nothing is done when all is there already. */
  async reconcile(scope: Netns, desired: readonly Resource[]): Promise<readonly Outcome[]> {
    if (this.#doubtful.has(scope)) {
      await this.refresh(scope);
    }
    return this.apply(scope, diff(desired.map(canonical), this.observed(scope)));
  }

  /** Carries operations out, in phases; a phase is not begun when one before it failed, except for taking away. */
  async apply(scope: Netns, operations: readonly Operation[]): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const phase of phases.keys().toArray().toReversed()) {
      outcomes.push(
        ...(await this.#run(operations.filter((one) => one.op === 'delete' && phaseOf(one) === phase))),
      );
    }
    for (const phase of phases.keys()) {
      const due = operations.filter((one) => one.op !== 'delete' && phaseOf(one) === phase);
      const failed = outcomes.some(({ error }) => error !== undefined);
      outcomes.push(...(failed ? due.map(postponed) : await this.#run(due)));
    }
    this.#remember(scope, outcomes);
    return outcomes.filter(({ error }) => error !== undefined);
  }

  async #run(operations: readonly Operation[]): Promise<readonly Outcome[]> {
    const batches = this.#options.drivers.map((driver) => ({
      driver,
      due: operations.filter((operation) => driver.kinds.includes(subject(operation).kind)),
    }));
    const outcomes = await Promise.all(
      batches.filter(({ due }) => due.length > 0).map(({ driver, due }) => driver.apply(due)),
    );
    return outcomes.flat();
  }

  #remember(scope: Netns, outcomes: readonly Outcome[]): void {
    const known = this.#known.get(scope) ?? new Map<string, Resource>();
    for (const { operation, error } of outcomes) {
      if (error !== undefined) {
        this.#doubtful.add(scope);
      } else if (operation.op === 'delete') {
        forget(known, operation.from);
      } else {
        known.set(resourceId(operation.to), operation.to);
      }
    }
    this.#known.set(scope, known);
  }

  async #readNode(): Promise<void> {
    const lists = await Promise.all(this.#options.drivers.map((driver) => driver.observe(NODE)));
    const groups = Map.groupBy(lists.flat(), (resource) => this.#scopeOf(resource));
    this.#replace(NODE, groups.get(NODE) ?? []);
    for (const [scope, resources] of groups) {
      if (scope !== NODE) {
        const others = this.observed(scope).filter(({ kind }) => kind !== 'ovs-port');
        this.#replace(scope, [...others, ...resources]);
      }
    }
    for (const scope of this.scopes()) {
      // Removed by somebody else, or made since we looked: reading the sandbox again tells.
      const isMissing = this.observed(scope).some(({ kind }) => kind === 'ovs-port') && !groups.has(scope);
      if (isMissing) this.#doubtful.add(scope);
    }
    this.#doubtful.delete(NODE);
  }

  /** Ports of Open vSwitch that belong to a sandbox, and tables of the node that it had. */
  async #nodeSide(scope: Netns): Promise<readonly Resource[]> {
    const switches = await Promise.all(
      this.#options.drivers.filter(isOvs).map((driver) => driver.observe(NODE)),
    );
    const ports = switches.flat().filter((resource) => this.#scopeOf(resource) === scope);
    const tables = this.observed(scope).filter(
      (resource) => resource.kind === 'nft-table' && resource.netns === NODE,
    );
    return [...ports, ...tables];
  }

  #scopeOf(resource: Resource): Netns {
    const owner = resource.kind === 'ovs-port' ? resource.externalIds['sandbox'] : undefined;
    return owner?.startsWith(this.#options.sandboxPrefix) === true ? owner : NODE;
  }

  /** Filters of the node's ends of pairs carry the end's name; those of sandboxes that are gone are removed. */
  async #adoptNodeTables(): Promise<void> {
    const owners = new Map(
      this.scopes().flatMap((scope) =>
        this.observed(scope).flatMap((resource) =>
          resource.kind === 'link' && resource.device.type === 'veth'
            ? [[resource.device.peer.name, scope] as const]
            : [],
        ),
      ),
    );
    const stale: Operation[] = [];
    for (const table of this.observed(NODE)) {
      if (table.kind !== 'nft-table' || !table.name.startsWith('patchbay-pb')) {
        continue;
      }
      const owner = owners.get(table.name.slice('patchbay-'.length));
      this.#known.get(NODE)?.delete(resourceId(table));
      if (owner === undefined) {
        stale.push({ op: 'delete', from: table });
      } else {
        this.#known.get(owner)?.set(resourceId(table), table);
      }
    }
    await this.#run(stale);
  }

  #replace(scope: Netns, resources: readonly Resource[]): void {
    this.#known.set(scope, new Map(resources.map((resource) => [resourceId(resource), resource])));
  }
}

/** Throws one PatchbayError `NodeStateFailed` that tells what could not be done; nothing when all could. */
export function throwFailures(failed: readonly Outcome[]): void {
  const messages = failed.flatMap(({ error }) =>
    error === undefined || error instanceof Postponed ? [] : [error],
  );
  const [first] = messages;
  if (first === undefined) {
    return;
  }
  const retryable = !messages.some((error) => error instanceof PatchbayError && !error.retryable);
  const text = messages
    .slice(0, 3)
    .map((error) => error.message)
    .join('; ');
  throw new PatchbayError(first instanceof PatchbayError ? first.reason : 'NodeStateFailed', text, {
    cause: first.cause,
    retryable,
  });
}

/** An operation that was not tried because something before it failed. */
class Postponed extends Error {}

function postponed(operation: Operation): Outcome {
  return { operation, error: new Postponed('something before it failed') };
}

function canonical(resource: Resource): Resource {
  const isSwitch =
    resource.kind === 'ovs-bridge' || resource.kind === 'ovs-port' || resource.kind === 'ovs-mappings';
  return isSwitch ? canonicalOvs(resource) : resource;
}

function isOvs(driver: AnyDriver): boolean {
  return driver.kinds.includes('ovs-port');
}

/** A machine whose guest is held starts beside its network: nothing runs in it yet, and its taps are there. */
function phaseOf(operation: Operation): number {
  const resource = subject(operation);
  const phase = phases.findIndex((kinds) => kinds.includes(resource.kind));
  return operation.op === 'create' && resource.kind === 'vm' && resource.held === true ? phase - 1 : phase;
}

function subject(operation: Operation): Resource {
  return operation.op === 'delete' ? operation.from : operation.to;
}

/** What goes away with a namespace or a link is forgotten with it. */
function forget(known: Map<string, Resource>, gone: Resource): void {
  known.delete(resourceId(gone));
  for (const [id, resource] of known) {
    const inNetns = gone.kind === 'netns' && 'netns' in resource && resource.netns === gone.netns;
    const onLink =
      gone.kind === 'link' &&
      'link' in resource &&
      resource.netns === gone.netns &&
      resource.link === gone.name;
    if (
      (inNetns && resource.kind !== 'vm' && resource.kind !== 'dhcp-server') ||
      (onLink && resource.kind !== 'dhcp-server')
    ) {
      known.delete(id);
    }
  }
}
