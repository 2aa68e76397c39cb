/** What all interfaces of a policy have in common. Pure. */
import { PatchbayError } from '#machinery/errors.ts';
import type { Link } from '#node-state/link.ts';
import { nearest } from '#node-state/nearest.ts';
import { NODE, type Resource } from '#node-state/resource.ts';
import { listOf, numberOf, partOf, textOf } from './part.ts';
import type { InterfaceInput, PolicyState } from './policy-input.ts';

/** An interface with its static addresses; addresses that are no longer listed are taken away. */
export function withAddresses(input: InterfaceInput, link: Link): PolicyState {
  const desired: Resource[] = [link];
  const removed: Resource[] = [];
  for (const family of ['ipv4', 'ipv6'] as const) {
    const wanted = partOf(input.wanted, family);
    const isIpv6 = family === 'ipv6';
    if (wanted['enabled'] === true && (wanted['dhcp'] === true || wanted['autoconf'] === true)) {
      throw failed(
        `interface ${link.name}: ${family}.dhcp`,
        'automatic addresses of node interfaces are not supported in this version; list "address", or set "enabled: false"',
      );
    }
    const listed = wanted['enabled'] === false ? [] : listOf(wanted, 'address');
    const addresses = (listed ?? []).map(
      (entry) => `${textOf(entry, 'ip') ?? ''}/${numberOf(entry, 'prefix-length') ?? ''}`,
    );
    desired.push(
      ...addresses.map((address): Resource => ({ kind: 'address', netns: NODE, link: link.name, address })),
    );
    if (listed !== undefined) {
      removed.push(...otherAddresses(input, link.name, isIpv6, addresses));
    }
  }
  return { desired, removed, notes: [] };
}

function otherAddresses(
  input: InterfaceInput,
  link: string,
  isIpv6: boolean,
  kept: readonly string[],
): readonly Resource[] {
  return input.node.observed.filter(
    (one) =>
      one.kind === 'address' &&
      one.link === link &&
      one.address.includes(':') === isIpv6 &&
      !kept.includes(one.address),
  );
}

/** Throws when an interface is neither on the node nor made by the policy. */
export function requireInterface(
  input: Pick<InterfaceInput, 'node' | 'made'>,
  name: string,
  where: string,
): void {
  const nics = input.node.interfaces.filter(({ kind, alias }) => isNic(kind, alias)).map((one) => one.name);
  if (input.made.has(name) || input.node.interfaces.some((one) => one.name === name)) {
    return;
  }
  const near = nearest(name, nics);
  const hint = near === undefined ? '' : ` (did you mean "${near}"?)`;
  throw failed(
    where,
    `"${name}" does not exist on this node${hint}; NICs there are: ${nics.join(', ') || 'none'}`,
  );
}

function isNic(kind: string, alias: string | undefined): boolean {
  return (kind === 'ether' || kind === 'veth') && alias?.startsWith('patchbay:') !== true;
}

/** A refusal. */
export function failed(where: string, why: string): PatchbayError {
  return new PatchbayError('FailedToConfigure', `${where}: ${why}`, { retryable: false });
}
