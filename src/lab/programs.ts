/**
 * The programs that keep running, bundled below a directory of the machine: they start in two thirds of the time with
 * a fifth less memory, go on when the tree they came from changes or goes, and can be read by the control plane's user, which a clone
 * below root's home cannot.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import type { Entries } from './bundle.ts';
import { listProcesses } from './process.ts';

/** A tree that our programs are built from. */
export interface Sources {
  /** The Node.js binary. */
  readonly node: string;
  /** Directory that holds `package.json` and `src/`. */
  readonly root: string;
}

/** What our programs are started from. */
export interface Programs {
  /** The Node.js binary. */
  readonly node: string;
  /** Directory that holds `bin/<name>.js`, and what was compiled of them below `compiled/`. */
  readonly root: string;
}

/** The tree and the Node that run us. */
export const ownSources: Sources = {
  node: process.execPath,
  root: path.resolve(import.meta.dirname, '../..'),
};

const ownPrograms: Entries = Object.fromEntries(
  ['agent', 'control-plane', 'supervisor'].map((name) => [name, `src/bin/${name}.ts`]),
);

/** Builds kept beside the newest; those that something runs from are kept besides. */
const keptBuilds = 2;

/**
 * Our programs, built below a directory unless the same ones are there. Only root can write them, everybody can read them.
 * @throws Error with what cannot be bundled
 */
export async function builtPrograms(
  below: string,
  entries: Entries = ownPrograms,
  sources: Sources = ownSources,
): Promise<Programs> {
  const root = path.join(below, digestOf(sources, entries));
  if (!existsSync(root)) {
    mkdirSync(below, { recursive: true, mode: 0o755 });
    const fresh = mkdtempSync(`${root}.`);
    await build(sources.root, entries, fresh);
    moveInto(root, fresh);
    dropOldBuilds(below);
  }
  return { root, node: readableNode(sources.node, root) };
}

async function build(root: string, entries: Entries, to: string): Promise<void> {
  // Only here: most commands find a build, and the bundler takes longer to load than they run.
  const { bundle } = await import('./bundle.ts');
  await bundle(root, entries, path.join(to, 'bin'));
  mkdirSync(path.join(to, 'compiled'));
  writeFileSync(path.join(to, 'package.json'), '{ "type": "module" }\n');
  for (const entry of ['', ...globSync('**', { cwd: to })]) {
    const one = path.join(to, entry);
    chmodSync(one, statSync(one).isDirectory() ? 0o755 : 0o644);
  }
}

/** Another command may have made the same first. */
function moveInto(place: string, fresh: string): void {
  try {
    renameSync(fresh, place);
  } catch (error) {
    if (!existsSync(place)) throw error;
    rmSync(fresh, { recursive: true });
  }
}

/** Node itself when everybody may run it, else a copy in `root`. */
function readableNode(node: string, root: string): string {
  if (isReadableByAll(node)) return node;
  const copy = path.join(root, 'node');
  if (!existsSync(copy)) {
    const fresh = `${copy}.${process.pid}`;
    cpSync(node, fresh);
    chmodSync(fresh, 0o755);
    renameSync(fresh, copy);
  }
  return copy;
}

/** Every directory above may be entered by others, and the file may be read by them. */
function isReadableByAll(file: string): boolean {
  const above = (directory: string): readonly string[] =>
    directory === path.dirname(directory) ? [directory] : [directory, ...above(path.dirname(directory))];
  return (
    (statSync(file).mode & 0o004) !== 0 &&
    above(path.dirname(file)).every((one) => (statSync(one).mode & 0o001) !== 0)
  );
}

/** Changes whenever a source, a package or Node does. */
function digestOf({ node, root }: Sources, entries: Entries): string {
  const hash = createHash('sha256').update(JSON.stringify(entries));
  const files = globSync('src/**/*', { cwd: root }).toSorted();
  for (const file of [...[...files, ...Object.values(entries)].map((one) => path.join(root, one)), node]) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return hash
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex')
    .slice(0, 16);
}

function dropOldBuilds(below: string): void {
  const byAge = readdirSync(below)
    .map((name) => path.join(below, name))
    .map((directory) => ({ directory, made: statSync(directory).mtimeMs }))
    .toSorted((a, b) => b.made - a.made);
  const running = listProcesses().flatMap(({ argv }) => argv);
  for (const { directory } of byAge.slice(keptBuilds + 1)) {
    if (running.some((word) => word.startsWith(`${directory}/`))) continue;
    rmSync(directory, { recursive: true, force: true });
  }
}
