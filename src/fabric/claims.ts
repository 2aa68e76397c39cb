/** IPAMClaims: addresses that outlive pods, kept in the claim's status. */
import { formatIp, type Ip, parseInterface } from '#api/ip-range.ts';
import { type IpamClaim, ipamClaim } from '#api/k8s.cni.cncf.io/ipam-claim.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { type Clock, systemClock } from '#machinery/clock.ts';
import { findCondition, hasCondition, setCondition } from '#machinery/conditions.ts';
import { isNotFound, messageOf } from '#machinery/errors.ts';
import type { Log } from '#machinery/log.ts';
import type { FlatPlace } from './flat-network.ts';

/** Condition of claims. */
const type = 'IPsAllocated';

/** Upstream's reasons why a claim gets no addresses; every other is `InternalError`. */
const reasons = ['SubnetExhausted', 'IPAddressConflict', 'MACAddressConflict'];

/** Label of a claim: its machine. */
const machineLabel = 'kubevirt.io/vm';

/** Addresses that a claim keeps. */
export function keptBy({ status }: IpamClaim): readonly Ip[] {
  return (status?.ips ?? []).flatMap((text) => parseInterface(text)?.ip ?? []);
}

/** Who holds a claim's addresses, as `ownerOf` names the launchers of its machine. */
export function claimOwner({ metadata }: IpamClaim): string {
  return `virtual machine ${metadata.namespace}/${metadata.labels?.[machineLabel] ?? ''}`;
}

/** True when a claim is for a pod's place. */
export function isFor(
  claim: IpamClaim,
  owner: string,
  place: Pick<FlatPlace, 'network' | 'interfaceName'>,
): boolean {
  return (
    claimOwner(claim) === owner &&
    claim.spec.network === place.network.name &&
    claim.spec.interface === place.interfaceName
  );
}

/** Writes what a place has into its claim. */
export class ClaimWriter {
  readonly #client: ApiClient;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #written = new Map<string, string>();

  constructor(client: ApiClient, log: Log, clock: Clock = systemClock) {
    this.#client = client;
    this.#log = log;
    this.#clock = clock;
  }

  /** Starts writing, when the claim does not say so already. What fails is tried again with the pod's next pass. */
  write(claim: IpamClaim, place: FlatPlace): void {
    const ips = place.addresses.map(({ family, value }) => {
      const subnet = place.subnets.find((one) => one.family === family);
      return `${formatIp(family, value)}/${subnet?.prefix ?? 32}`;
    });
    const id = `${ips.join()} ${place.pod}`;
    const { status } = claim;
    const isTold =
      status?.ips?.join() === ips.join() &&
      status.ownerPod?.name === place.pod &&
      hasCondition(status.conditions, type);
    if (!isTold) {
      const done = { type, status: 'True', reason: 'SuccessfulAllocation' } as const;
      const conditions = setCondition(status?.conditions, done, this.#clock.now());
      this.#patch(claim, id, { ips, ownerPod: { name: place.pod }, conditions });
    }
  }

  /**
   * Starts writing why a pod gets no place, into a claim that keeps no addresses. One that does stays as it is, as upstream:
   * they are its machine's, and events of the pod tell the rest.
   */
  refuse(claim: IpamClaim, pod: string, why: string, message: string): void {
    const { status } = claim;
    const told = findCondition(status?.conditions, type);
    const reason = reasons.includes(why) ? why : 'InternalError';
    const isTold = told?.reason === reason && told.message === message && status?.ownerPod?.name === pod;
    if ((status?.ips ?? []).length === 0 && !isTold) {
      const failed = { type, status: 'False', reason, message } as const;
      const conditions = setCondition(status?.conditions, failed, this.#clock.now());
      this.#patch(claim, `${pod} ${reason} ${message}`, { ips: [], ownerPod: { name: pod }, conditions });
    }
  }

  /** Each text once: what is under way, or done and not seen yet, is not written again. */
  #patch({ metadata }: IpamClaim, id: string, status: object): void {
    const { name, namespace, uid = '' } = metadata;
    if (this.#written.get(uid) === id) {
      return;
    }
    this.#written.set(uid, id);
    this.#client
      .patch(ipamClaim, { name, namespace }, { type: 'merge', body: { status } }, { subresource: 'status' })
      .catch((error: unknown) => {
        this.#written.delete(uid);
        if (!isNotFound(error)) {
          this.#log.warn(
            { claim: `${namespace}/${name}`, error: messageOf(error) },
            'claim could not be written',
          );
        }
      });
  }
}
