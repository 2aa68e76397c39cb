/** Initial RAM file systems: the "newc" archive that the kernel unpacks (Documentation/driver-api/early-userspace/buffer-format). */

/** One entry; directories come before what is in them. */
export type CpioEntry =
  | { readonly type: 'file'; readonly path: string; readonly mode: number; readonly content: Buffer }
  | { readonly type: 'directory'; readonly path: string; readonly mode: number }
  | { readonly type: 'symlink'; readonly path: string; readonly target: string }
  | {
      readonly type: 'device';
      readonly path: string;
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
    };

const FORMAT_BITS = { file: 0o100000, directory: 0o040000, symlink: 0o120000, device: 0o020000 } as const;

/** Packs entries. All belong to root and have the same time, so that equal inputs give equal bytes. */
export function packCpio(entries: readonly CpioEntry[]): Buffer {
  const parts: Buffer[] = [];
  for (const [index, entry] of entries.entries()) {
    pushEntry(parts, entry, index + 1);
  }
  pushHeader(parts, { name: 'TRAILER!!!', inode: 0, mode: 0, size: 0, links: 1, major: 0, minor: 0 });
  return Buffer.concat(parts);
}

function pushEntry(parts: Buffer[], entry: CpioEntry, inode: number): void {
  const content = contentOf(entry);
  const permissions = entry.type === 'symlink' ? 0o777 : entry.mode;
  pushHeader(parts, {
    name: entry.path,
    inode,
    mode: FORMAT_BITS[entry.type] | permissions,
    size: content.length,
    links: entry.type === 'directory' ? 2 : 1,
    major: entry.type === 'device' ? entry.major : 0,
    minor: entry.type === 'device' ? entry.minor : 0,
  });
  parts.push(content, padding(content.length));
}

function contentOf(entry: CpioEntry): Buffer {
  switch (entry.type) {
    case 'file':
      return entry.content;
    case 'symlink':
      return Buffer.from(entry.target);
    default:
      return Buffer.alloc(0);
  }
}

interface Header {
  readonly name: string;
  readonly inode: number;
  readonly mode: number;
  readonly size: number;
  readonly links: number;
  readonly major: number;
  readonly minor: number;
}

function pushHeader(parts: Buffer[], header: Header): void {
  const name = Buffer.from(`${header.name}\0`);
  // inode, mode, uid, gid, links, time, size, device major and minor, special major and minor, name length, checksum
  const { inode, mode, links, size, major, minor } = header;
  const fields = [inode, mode, 0, 0, links, 0, size, 0, 0, major, minor, name.length, 0];
  const text = fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  parts.push(Buffer.from(`070701${text}`), name, padding(110 + name.length));
}

function padding(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4);
}
