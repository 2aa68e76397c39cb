/** What the program printed, taken apart: guests are hostile, so what is none of its lines is left out. Pure. */

/** A counter of both families. */
export interface Counts {
  readonly v4: number;
  readonly v6: number;
}

/** What `listen` answered. */
export interface Listening {
  /** Ports that serve the nonce; others are taken by something else, or the place has no busybox. */
  readonly tcpPorts: readonly number[];
  /** False when the place has no netcat. */
  readonly hasUdp: boolean;
  /** Pings answered so far. */
  readonly echoes: Counts;
}

/** What a probe saw: an answer with the nonce (pings: any), another answer, none; a datagram's sender sees nothing. */
export interface Seen {
  readonly result: 'answer' | 'other' | 'silence' | 'sent';
  /** Of pings. */
  readonly rttMs?: number;
}

/** What `probe` answered. */
export interface Probed {
  readonly seen: ReadonlyMap<number, Seen>;
  /** Fragments this kernel made meanwhile. */
  readonly pieces: Counts;
}

/** What `collect` answered. */
export interface Collected {
  /** Datagrams that came, with their nonce. */
  readonly arrived: readonly { readonly id: number; readonly nonce: string }[];
  readonly echoes: Counts;
}

/** What a card has. */
export interface Look {
  /** Global addresses without prefix length (IPv6 with every group), and whether the kernel keeps them from use. */
  readonly addresses: readonly {
    readonly address: string;
    readonly state: 'usable' | 'tentative' | 'duplicate';
  }[];
  /** Families in which a default route leaves by it. */
  readonly ways: readonly number[];
}

/** Flags of an address in /proc/net/if_inet6. */
const [duplicateFlag, tentativeFlag] = [0x08, 0x40];

/** Reads what `look` printed, by device; a device that is not there has none. */
export function parseLook(stdout: string): ReadonlyMap<string, Look> {
  const lines = wordsOf(stdout);
  const cards = lines.flatMap(([what, device = '']) => (what === 'card' ? [device] : []));
  return new Map(
    cards.map((card) => {
      const own = lines.filter(([, device]) => device === card);
      return [
        card,
        {
          addresses: own.flatMap(([what, , text = '', flags = '']) => {
            if (what === 'inet') {
              return [{ address: text.split('/')[0] ?? '', state: 'usable' as const }];
            }
            return what === 'inet6' && /^[0-9a-f]{32}$/.test(text)
              ? [{ address: groupsOf(text), state: stateOf(Number.parseInt(flags, 16)) }]
              : [];
          }),
          ways: own.flatMap(([what, , family]) => (what === 'way' ? [Number(family)] : [])),
        },
      ] as const;
    }),
  );
}

/** 32 digits as an IPv6 address, every group written out. */
function groupsOf(digits: string): string {
  return Array.from({ length: 8 }, (_, index) => digits.slice(index * 4, index * 4 + 4)).join(':');
}

function stateOf(flags: number): 'usable' | 'tentative' | 'duplicate' {
  if ((flags & duplicateFlag) !== 0) {
    return 'duplicate';
  }
  return (flags & tentativeFlag) === 0 ? 'usable' : 'tentative';
}

/** Reads what `listen` printed. */
export function parseListening(stdout: string): Listening {
  const lines = wordsOf(stdout);
  return {
    tcpPorts: lines.flatMap(([what, port, state]) =>
      what === 'tcp' && state === 'open' ? [Number(port)] : [],
    ),
    hasUdp: lines.some(([what, , state]) => what === 'udp' && state === 'open'),
    echoes: countsOf(lines, 'echoes').at(-1) ?? { v4: 0, v6: 0 },
  };
}

/** Reads what `probe` printed. */
export function parseProbed(stdout: string): Probed {
  const lines = wordsOf(stdout);
  const pieces = countsOf(lines, 'pieces');
  const [before, after] = [pieces[0], pieces.at(-1)];
  return {
    seen: new Map(lines.map(seenOf).filter((one) => one !== undefined)),
    pieces: {
      v4: (after?.v4 ?? 0) - (before?.v4 ?? 0),
      v6: (after?.v6 ?? 0) - (before?.v6 ?? 0),
    },
  };
}

/** Reads what `collect` printed. */
export function parseCollected(stdout: string): Collected {
  const lines = wordsOf(stdout);
  return {
    arrived: lines.flatMap(([what, record = '']) => {
      const match = /^(\d{1,7})\.([a-z0-9]{1,32})$/.exec(record);
      return what === 'arrived' && match !== null ? [{ id: Number(match[1]), nonce: match[2] ?? '' }] : [];
    }),
    echoes: countsOf(lines, 'echoes').at(-1) ?? { v4: 0, v6: 0 },
  };
}

function seenOf([id = '', result, rtt]: readonly string[]): readonly [number, Seen] | undefined {
  const known = (['answer', 'other', 'silence', 'sent'] as const).find((one) => one === result);
  if (!/^\d{1,7}$/.test(id) || known === undefined) {
    return undefined;
  }
  const ms = Number(rtt ?? Number.NaN);
  return [Number(id), { result: known, ...(Number.isFinite(ms) && { rttMs: ms }) }];
}

function countsOf(lines: readonly (readonly string[])[], name: string): readonly Counts[] {
  return lines.flatMap(([what, v4, v6]) =>
    what === name ? [{ v4: Number(v4) || 0, v6: Number(v6) || 0 }] : [],
  );
}

function wordsOf(stdout: string): readonly (readonly string[])[] {
  return stdout.split('\n').map((line) => line.trim().split(/\s+/));
}
