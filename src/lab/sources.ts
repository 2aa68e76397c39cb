/**
 * Where the control plane's unprivileged user can read our sources. A clone below a private directory (root's home is
 * 0700) cannot be read by it: then what runs is a copy that root made and nobody else can write.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import path from 'node:path';

/** A tree that our programs can be started from. */
export interface Sources {
  /** The Node.js binary. */
  readonly node: string;
  /** Directory that holds `package.json` and `src/`. */
  readonly root: string;
}

/** The tree and the Node that run us. */
export const ownSources: Sources = {
  node: process.execPath,
  root: path.resolve(import.meta.dirname, '../..'),
};

/** Copies kept beside the newest: an instance that runs from an older one may still load from it. */
const keptCopies = 2;

/** Our own tree when everybody may read it, else a copy of it below `copies`; the same copy while nothing changes. */
export function readableSources(copies: string, sources: Sources = ownSources): Sources {
  const samples = [sources.node, path.join(sources.root, 'src/bin/control-plane.ts')];
  return samples.every(isReadableByAll) ? sources : copiedSources(copies, sources);
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

function copiedSources(copies: string, sources: Sources): Sources {
  const root = path.join(copies, digestOf(sources));
  if (!existsSync(root)) {
    mkdirSync(copies, { recursive: true, mode: 0o755 });
    const fresh = `${root}.${process.pid}`;
    copyTree(sources, fresh);
    try {
      renameSync(fresh, root);
    } catch (error) {
      if (!existsSync(root)) throw error; // another command made the same copy first
      rmSync(fresh, { recursive: true });
    }
    dropOldCopies(copies);
  }
  return { node: path.join(root, 'node'), root };
}

function copyTree(sources: Sources, to: string): void {
  for (const part of ['package.json', 'src', ...runtimePackages(sources.root)]) {
    cpSync(path.join(sources.root, part), path.join(to, part), { recursive: true });
  }
  cpSync(sources.node, path.join(to, 'node'));
  for (const entry of ['', ...globSync('**', { cwd: to })]) {
    const one = path.join(to, entry);
    chmodSync(one, statSync(one).isDirectory() || entry === 'node' ? 0o755 : 0o644);
  }
}

/** Packages that are needed at run time, by the lock file: `node_modules/…` paths that are there. */
function runtimePackages(root: string): readonly string[] {
  const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly devOptional?: boolean }>>;
  };
  return Object.entries(lock.packages).flatMap(([name, { dev, devOptional }]) => {
    const isNeeded = dev !== true && devOptional !== true && !name.startsWith('node_modules/node-linux-');
    return isNeeded && name !== '' && existsSync(path.join(root, name)) ? [name] : [];
  });
}

/** Changes whenever a source, a package or Node does. */
function digestOf({ node, root }: Sources): string {
  const hash = createHash('sha256');
  const files = globSync('src/**/*.ts', { cwd: root }).toSorted();
  for (const file of [...files.map((one) => path.join(root, one)), node]) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return hash
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex')
    .slice(0, 16);
}

function dropOldCopies(copies: string): void {
  const byAge = readdirSync(copies)
    .map((name) => ({ name, made: statSync(path.join(copies, name)).mtimeMs }))
    .toSorted((a, b) => b.made - a.made);
  for (const { name } of byAge.slice(keptCopies + 1)) {
    rmSync(path.join(copies, name), { recursive: true });
  }
}
