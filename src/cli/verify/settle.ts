/** Waits until every NIC that is to be measured reaches somebody: before that, silence tells of its start and of nothing else. */
import { parseLook, parseProbed } from '#drivers/reach/answers.ts';
import { messageOf } from '#machinery/errors.ts';
import type { Cell } from '#verify/cells.ts';
import { nicName } from '#verify/nics.ts';
import { hostKey } from '#verify/peers.ts';
import { NotEquipped, type Sites } from './sites.ts';
import { whyUnready } from './unready.ts';
import { untilAborted } from './until-aborted.ts';

/** How it is waited. */
export interface SettleOptions {
  readonly sites: Sites;
  /** Longest wait in seconds, 1 to 30. */
  readonly seconds: number;
  readonly signal: AbortSignal;
}

/** Hosts that are asked at a time. */
const hostsAtOnce = 16;
/** Pings of a host at a time: they wait more than they work. */
const width = 16;

/**
 * Pings from every NIC in every family somebody whom it must reach, until that answers. That takes its card, address (past
 * duplicate address detection), routes (router advertisements), both ends' ports in OVN and the tunnel between them.
 * @returns a line for each NIC and family that nobody answered, with what its host's kernel says of it; never rejects but
 * for the signal
 */
export async function settle(cells: readonly Cell[], options: SettleOptions): Promise<readonly string[]> {
  const pings = cells.filter(
    ({ from, to, protocol, size, expect }) =>
      from !== to && protocol === 'icmp' && size === 'small' && expect === 'reach',
  );
  const firsts = [
    ...new Map(pings.toReversed().map((cell) => [`${nicName(cell.from)} ${cell.family}`, cell])).values(),
  ];
  const queue = Map.groupBy(firsts, ({ from }) => hostKey(from.host)).values();
  const lines: string[] = [];
  const work = async (): Promise<void> => {
    for (const own of queue) {
      options.signal.throwIfAborted();
      lines.push(...(await settleHost(own, options)));
    }
  };
  await Promise.all(Array.from({ length: hostsAtOnce }, work));
  return lines.toSorted();
}

async function settleHost(cells: readonly Cell[], options: SettleOptions): Promise<readonly string[]> {
  const { sites, seconds, signal } = options;
  const host = cells[0]?.from.host;
  if (host === undefined) {
    return [];
  }
  const probes = cells.map(({ id, address, from }) => ({
    ...{ id, kind: 'ping' as const, address, device: from.device },
    ...{ bytes: 56, port: 0, nonce: '0', seconds },
  }));
  try {
    const asked = sites.ask(host, { verb: 'probe', probes, width });
    const { seen } = parseProbed(await untilAborted(asked, signal));
    const silent = cells.filter(({ id }) => seen.get(id)?.result !== 'answer');
    if (silent.length === 0) {
      return [];
    }
    const devices = [...new Set(silent.map(({ from }) => from.device))];
    const looks = parseLook(await untilAborted(sites.ask(host, { verb: 'look', devices }), signal));
    return silent.map(({ from, to, family, address }) => {
      const why = whyUnready(from, family, looks.get(from.device));
      const rest = `card, address and routes are there, but ${address} (${nicName(to)}) does not answer`;
      return `${nicName(from)} IPv${family}: ${why ?? rest}`;
    });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof NotEquipped) {
      return []; // Its cells say so.
    }
    return [`${host.kind} ${host.namespace}/${host.name}: ${messageOf(error)}`];
  }
}
