/** Modules and the packages they need, bundled into one JavaScript file per program. */
import { rolldown } from 'rolldown';

/** Programs by name: their TypeScript files, relative to the root of the tree. */
export type Entries = Readonly<Record<string, string>>;

/**
 * Writes `<to>/<name>.js` for each entry, what they share beside them, and files that they name by
 * `new URL('./…', import.meta.url)`. Nothing outside `to` is needed then.
 * @throws Error with what cannot be resolved or parsed
 */
export async function bundle(root: string, entries: Entries, to: string): Promise<void> {
  const build = await rolldown({
    cwd: root,
    input: { ...entries },
    platform: 'node',
    plugins: [lazyPackages],
    experimental: { resolveNewUrlToAsset: true },
    logLevel: 'warn',
  });
  try {
    await build.write({ dir: to, format: 'esm', comments: false });
  } finally {
    await build.close();
  }
}

/** A package that is required where it is first needed is bundled as such: rolldown knows `require`, not how modules get it. */
const lazyPackages = {
  name: 'lazy-packages',
  transform: {
    filter: { id: /\.ts$/, code: 'createRequire(import.meta.url)' },
    handler: (code: string) => code.replaceAll('createRequire(import.meta.url)', 'require'),
  },
};
