import { isDeepStrictEqual } from 'node:util';
import type { Change } from '#drivers/driver.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { type Netns, NODE, type Operation, type Outcome, resourceId } from '#node-state/resource.ts';
import { canonicalOvs, FOREIGN_BRIDGES, type OvsDriver, type OvsResource } from './driver.ts';
import { MAC } from './flows.ts';
import { composeMappings } from './mappings.ts';

/** What a fake starts with. */
export interface FakeOvsOptions {
  /** Links that exist in the node; absent = every name does. */
  readonly links?: ReadonlySet<string>;
  /** Bridges of others; default `br-int` and `br-ex`. */
  readonly foreignBridges?: readonly string[];
  readonly onChange?: (change: Change) => void;
}

/** Open vSwitch in memory, with the real driver's rules. */
export class FakeOvs implements OvsDriver {
  readonly kinds = ['ovs-bridge', 'ovs-port', 'ovs-mappings'] as const;
  /** Batches that changed something. */
  writes = 0;
  readonly #resources = new Map<string, OvsResource>();
  readonly #options: FakeOvsOptions;

  constructor(options: FakeOvsOptions = {}) {
    this.#options = options;
  }

  async observe(scope: Netns): Promise<readonly OvsResource[]> {
    return scope === NODE ? [...this.#resources.values()] : [];
  }

  async apply(operations: readonly Operation<OvsResource>[]): Promise<readonly Outcome<OvsResource>[]> {
    const before = new Map(this.#resources);
    const outcomes = operations.map((operation): Outcome<OvsResource> => {
      try {
        this.#apply(operation);
        return { operation };
      } catch (error) {
        return { operation, error: error as Error };
      }
    });
    if (!isDeepStrictEqual(before, this.#resources)) {
      this.writes += 1;
    }
    return outcomes;
  }

  async bound(): Promise<void> {
    // Nobody else is needed here.
  }

  /** Removes something behind the driver's back, as an operator would. */
  removeExternally(id: string): void {
    if (this.#resources.delete(id)) {
      this.#options.onChange?.({ scope: NODE });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#resources.clear();
  }

  #apply(operation: Operation<OvsResource>): void {
    if (operation.op === 'delete') {
      this.#delete(operation.from);
      return;
    }
    const wanted = canonicalOvs(operation.to);
    this.#check(wanted);
    this.#resources.set(resourceId(wanted), wanted);
  }

  #delete(resource: OvsResource): void {
    this.#resources.delete(resourceId(resource));
    if (resource.kind === 'ovs-bridge') {
      for (const [id, other] of this.#resources) {
        if (other.kind === 'ovs-port' && other.bridge === resource.name) {
          this.#resources.delete(id);
        }
      }
    }
  }

  #check(wanted: OvsResource): void {
    const foreign = this.#options.foreignBridges ?? FOREIGN_BRIDGES;
    if (wanted.kind === 'ovs-mappings') {
      composeMappings({}, {}, wanted.mappings);
    }
    if (wanted.kind === 'ovs-bridge' && foreign.includes(wanted.name)) {
      throw new PatchbayError('ForeignBridge', `bridge ${wanted.name} is not Patchbay's`, {
        retryable: false,
      });
    }
    if (wanted.kind !== 'ovs-port') {
      return;
    }
    if (!foreign.includes(wanted.bridge) && !this.#resources.has(`ovs-bridge/${wanted.bridge}`)) {
      throw new PatchbayError(
        'BridgeNotFound',
        `port ${wanted.name}: Open vSwitch has no bridge ${wanted.bridge}`,
      );
    }
    if (wanted.allowedMac !== undefined && FOREIGN_BRIDGES.includes(wanted.bridge)) {
      throw new PatchbayError('NotSupported', `port ${wanted.name}: MAC check is OVN's`, {
        retryable: false,
      });
    }
    if (wanted.allowedMac !== undefined && !MAC.test(wanted.allowedMac)) {
      throw new PatchbayError('InvalidMac', `port ${wanted.name}: "${wanted.allowedMac}" is no MAC`, {
        retryable: false,
      });
    }
    const isMissing = this.#options.links !== undefined && !this.#options.links.has(wanted.name);
    if (wanted.interfaceType === 'system' && isMissing) {
      throw new PatchbayError(
        'PortFailed',
        `port ${wanted.name}: could not open network device (No such device)`,
      );
    }
  }
}
