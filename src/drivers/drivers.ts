/** Every driver of a node, opened. */
import path from 'node:path';
import type { Change, Driver } from '#drivers/driver.ts';
import type { Netns, Resource } from '#node-state/resource.ts';
import type { DhcpDriver } from './dnsmasq/driver.ts';
import { createDhcpDriver } from './dnsmasq/real.ts';
import type { GuestDriver } from './guest/driver.ts';
import { createGuestDriver } from './guest/guest.ts';
import { type ContainerImages, openContainerImages } from './image/container-images.ts';
import type { ImageStore } from './image/driver.ts';
import { openImageStore } from './image/store.ts';
import type { IpDriver } from './ip/driver.ts';
import { createIpDriver } from './ip/real.ts';
import { createNftDriver } from './nft/real.ts';
import type { OvsDriver } from './ovs/driver.ts';
import { openOvs } from './ovs/ovs.ts';
import type { ContainerDriver } from './pod/driver.ts';
import { createContainerDriver } from './pod/real.ts';
import type { VmDriver } from './qemu/driver.ts';
import { createQemuDriver } from './qemu/qemu.ts';
import { createReachDriver, type ReachDriver } from './reach/sandbox.ts';
import { composeSeedImage } from './seed/seed.ts';
import { createSysctlDriver } from './sysctl/real.ts';

/** What the drivers need to know. */
export interface NodeDriversOptions {
  /** Our tag on links and rows. */
  readonly tag: string;
  readonly runDir: string;
  readonly stateDir: string;
  readonly imageDir: string;
  /** Remote of the Open vSwitch database. */
  readonly ovsDb: string;
  readonly qemuUser: { readonly uid: number; readonly gid: number };
  readonly log: { warn(message: string): void; info(message: string): void };
  /** Others changed something of ours in Open vSwitch. */
  readonly onChange: (change: Change) => void;
}

/** The drivers of a node. */
export interface NodeDrivers extends AsyncDisposable {
  readonly ip: IpDriver;
  readonly ovs: OvsDriver;
  readonly dhcp: DhcpDriver;
  readonly vm: VmDriver;
  readonly guest: GuestDriver;
  readonly images: ImageStore;
  readonly containers: ContainerDriver;
  readonly containerImages: ContainerImages;
  readonly reach: ReachDriver;
  /** Those that make resources. */
  readonly makers: readonly Driver<Resource>[];
  /** Sandboxes that have anything of ours. */
  scopes(prefix: string): Promise<readonly Netns[]>;
}

/** Opens them all; nothing is changed on the node. */
export function openNodeDrivers(options: NodeDriversOptions): NodeDrivers {
  const { tag, runDir, stateDir, imageDir, qemuUser, log, ovsDb, onChange } = options;
  const ip = createIpDriver({ tag });
  const dhcp = createDhcpDriver({ runDir: path.join(runDir, 'dhcp') });
  const guest = createGuestDriver();
  const vm = createQemuDriver({
    runDir,
    qemuUser,
    seedImage: composeSeedImage,
    scratchDir: path.join(stateDir, 'scratch'),
    log,
  });
  const ovs = openOvs({ db: ovsDb, tag, onChange, onError: (error) => log.warn(error.message) });
  const containers = createContainerDriver({ tag, stateDir, runDir, log });
  return {
    ip,
    ovs,
    dhcp,
    vm,
    guest,
    images: openImageStore(imageDir),
    containers,
    containerImages: openContainerImages(imageDir),
    reach: createReachDriver({ runDir }),
    makers: [ip, createNftDriver(), createSysctlDriver(), ovs, dhcp, vm],
    scopes: async (prefix) => {
      const [namespaces, served] = await Promise.all([ip.namespaces(prefix), dhcp.scopes()]);
      return [...new Set([...namespaces, ...served.filter((scope) => scope.startsWith(prefix))])];
    },
    async [Symbol.asyncDispose]() {
      containers.close();
      await Promise.all([ip.close(), vm.close(), guest.close(), ovs[Symbol.asyncDispose]()]);
    },
  };
}
