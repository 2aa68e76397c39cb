/**
 * Writes ISO 9660 images with Rock Ridge names (for Unix) and Joliet names (for Windows): ECMA-119, IEEE P1282, Joliet
 * specification 1. Only what a seed needs: a few directories and files, no dates, every directory within one sector.
 */
import { PatchbayError } from '#machinery/errors.ts';

const SECTOR = 2048;
/** Sectors 0..15 belong to the system; then primary, Joliet and terminating descriptors. */
const PRIMARY = 16;
const FIRST_FREE = 19;

/** A file by its path, such as `openstack/latest/user_data`; directories are made as needed. */
export type IsoFiles = Readonly<Record<string, Buffer>>;

interface Node {
  /** `''` for the root. */
  readonly name: string;
  readonly parent: Node | undefined;
  readonly children: Node[];
  readonly content: Buffer | undefined;
  /** First sector: of the content, or of the directory in each of the two trees. */
  sector: number;
  jolietSector: number;
  /** Place in the path table, from 1. */
  number: number;
}

/** Builds the image. @throws PatchbayError `SeedTooLarge` when a directory does not fit */
export function isoImage(label: string, files: IsoFiles): Buffer {
  const root = tree(files);
  const directories = breadthFirst(root);
  const contents = directories.flatMap((directory) =>
    directory.children.filter((node) => node.content !== undefined),
  );
  // Path tables: little and big endian, for both trees, one sector each.
  let next = FIRST_FREE + 4;
  for (const [index, directory] of directories.entries()) {
    directory.number = index + 1;
    directory.sector = next++;
    directory.jolietSector = next++;
  }
  for (const node of contents) {
    node.sector = next;
    node.jolietSector = next;
    next += Math.ceil((node.content?.length ?? 0) / SECTOR);
  }
  const image = Buffer.alloc(next * SECTOR);
  for (const [index, isJoliet] of [false, true].entries()) {
    descriptor(image, PRIMARY + index, label, next, root, FIRST_FREE + 2 * index, isJoliet, directories);
    pathTables(image, FIRST_FREE + 2 * index, directories, isJoliet);
    for (const directory of directories) {
      directoryExtent(directory, isJoliet).copy(image, sectorOf(directory, isJoliet) * SECTOR);
    }
  }
  image.write('\xffCD001\x01', (PRIMARY + 2) * SECTOR, 'latin1');
  for (const node of contents) {
    node.content?.copy(image, node.sector * SECTOR);
  }
  return image;
}

function tree(files: IsoFiles): Node {
  const make = (name: string, parent: Node | undefined, content?: Buffer): Node => {
    const node: Node = { name, parent, children: [], content, sector: 0, jolietSector: 0, number: 0 };
    parent?.children.push(node);
    return node;
  };
  const root = make('', undefined);
  for (const [path, content] of Object.entries(files)) {
    const parts = path.split('/');
    const name = parts.pop() ?? '';
    let directory = root;
    for (const part of parts) {
      directory = directory.children.find((child) => child.name === part) ?? make(part, directory);
    }
    make(name, directory, content);
  }
  return root;
}

function breadthFirst(root: Node): readonly Node[] {
  const directories = [root];
  for (const directory of directories) {
    directory.children.sort((a, b) => (isoName(a) < isoName(b) ? -1 : 1));
    directories.push(...directory.children.filter((child) => child.content === undefined));
  }
  return directories;
}

function sectorOf(node: Node, isJoliet: boolean): number {
  return isJoliet ? node.jolietSector : node.sector;
}

/** Upper case letters, digits and underscores; unique enough for the names a seed has. */
function isoName(node: Node): string {
  const name = node.name
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, '_')
    .slice(0, 28);
  return node.content === undefined ? name : `${name}.;1`;
}

function identifier(node: Node, isJoliet: boolean): Buffer {
  if (!isJoliet) {
    return Buffer.from(isoName(node), 'latin1');
  }
  return Buffer.from(node.name, 'utf16le').swap16();
}

function both32(target: Buffer, at: number, value: number): void {
  target.writeUInt32LE(value, at);
  target.writeUInt32BE(value, at + 4);
}

function both16(target: Buffer, at: number, value: number): void {
  target.writeUInt16LE(value, at);
  target.writeUInt16BE(value, at + 2);
}

function descriptor(
  image: Buffer,
  sector: number,
  label: string,
  sectors: number,
  root: Node,
  tables: number,
  isJoliet: boolean,
  directories: readonly Node[],
): void {
  const d = image.subarray(sector * SECTOR, (sector + 1) * SECTOR);
  // Text fields are padded with spaces of their alphabet.
  const space = isJoliet ? Buffer.of(0, 0x20) : ' ';
  d.fill(space, 8, 72);
  d.fill(space, 190, isJoliet ? 702 : 813);
  d.write(isJoliet ? '\x02CD001\x01' : '\x01CD001\x01', 0, 'latin1');
  const name = isJoliet ? Buffer.from(label.slice(0, 16), 'utf16le').swap16() : Buffer.from(label, 'latin1');
  name.copy(d, 40, 0, 32);
  both32(d, 80, sectors);
  if (isJoliet) {
    // UCS-2 level 3
    d.write('%/E', 88, 'latin1');
  }
  both16(d, 120, 1);
  both16(d, 124, 1);
  both16(d, 128, SECTOR);
  both32(d, 132, pathTable(directories, isJoliet, false).length);
  d.writeUInt32LE(tables, 140);
  d.writeUInt32BE(tables + 1, 148);
  record(Buffer.of(0), sectorOf(root, isJoliet), SECTOR, true).copy(d, 156);
  for (const at of [813, 830, 847, 864]) {
    d.write('0000000000000000\0', at, 'latin1');
  }
  d.writeUInt8(1, 881);
}

function pathTable(directories: readonly Node[], isJoliet: boolean, isBigEndian: boolean): Buffer {
  const parts = directories.map((directory) => {
    const name = directory.parent === undefined ? Buffer.of(0) : identifier(directory, isJoliet);
    const entry = Buffer.alloc(8 + name.length + (name.length % 2));
    entry.writeUInt8(name.length, 0);
    const sector = sectorOf(directory, isJoliet);
    const parent = directory.parent?.number ?? 1;
    if (isBigEndian) {
      entry.writeUInt32BE(sector, 2);
      entry.writeUInt16BE(parent, 6);
    } else {
      entry.writeUInt32LE(sector, 2);
      entry.writeUInt16LE(parent, 6);
    }
    name.copy(entry, 8);
    return entry;
  });
  return Buffer.concat(parts);
}

function pathTables(image: Buffer, sector: number, directories: readonly Node[], isJoliet: boolean): void {
  pathTable(directories, isJoliet, false).copy(image, sector * SECTOR);
  pathTable(directories, isJoliet, true).copy(image, (sector + 1) * SECTOR);
}

/** A directory record with its system use fields (Rock Ridge), of even length. */
function record(
  name: Buffer,
  sector: number,
  size: number,
  isDirectory: boolean,
  use: Buffer = Buffer.alloc(0),
): Buffer {
  const padded = 33 + name.length + ((name.length + 1) % 2);
  const entry = Buffer.alloc(padded + use.length + (use.length % 2));
  entry.writeUInt8(entry.length, 0);
  both32(entry, 2, sector);
  both32(entry, 10, size);
  // Date: 1970-01-01 00:00, so that equal seeds are equal bytes.
  entry.set([70, 1, 1, 0, 0, 0, 0], 18);
  entry.writeUInt8(isDirectory ? 2 : 0, 25);
  both16(entry, 28, 1);
  entry.writeUInt8(name.length, 32);
  name.copy(entry, 33);
  use.copy(entry, padded);
  return entry;
}

function directoryExtent(directory: Node, isJoliet: boolean): Buffer {
  const parent = directory.parent ?? directory;
  const use = (node: Node, isFirst = false): Buffer =>
    isJoliet ? Buffer.alloc(0) : rockRidge(node, isFirst);
  const entries = [
    record(
      Buffer.of(0),
      sectorOf(directory, isJoliet),
      SECTOR,
      true,
      use(directory, directory.parent === undefined),
    ),
    record(Buffer.of(1), sectorOf(parent, isJoliet), SECTOR, true, use(parent)),
    ...directory.children.map((child) => {
      const size = child.content?.length ?? SECTOR;
      const name = isJoliet ? Buffer.alloc(0) : nameField(child.name);
      const fields = Buffer.concat([use(child), name]);
      return record(
        identifier(child, isJoliet),
        sectorOf(child, isJoliet),
        size,
        child.content === undefined,
        fields,
      );
    }),
  ];
  const extent = Buffer.concat(entries);
  if (extent.length > SECTOR) {
    throw new PatchbayError('SeedTooLarge', `directory "${directory.name}" of a seed has too many files`, {
      retryable: false,
    });
  }
  return extent;
}

/** SP (only in the first record of the root) and PX: mode, links, owner, group. */
function rockRidge(node: Node, isFirst: boolean): Buffer {
  const px = Buffer.alloc(36);
  px.write('PX\x24\x01', 0, 'latin1');
  both32(px, 4, node.content === undefined ? 0o040555 : 0o100444);
  both32(px, 12, node.content === undefined ? 2 : 1);
  return isFirst ? Buffer.concat([Buffer.from('SP\x07\x01\xbe\xef\x00', 'latin1'), px]) : px;
}

function nameField(name: string): Buffer {
  const text = Buffer.from(name);
  return Buffer.concat([Buffer.from('NM', 'latin1'), Buffer.of(5 + text.length, 1, 0), text]);
}
