/** Puts a module in front of another: a planted bug that changes one exported function and passes on all others. */
import { registerHooks } from 'node:module';

/** Whoever imports `file` (a path below `src/`) gets `instead` (the URL of a module), which alone gets the real one. */
export function standInFor(file: string, instead: string): void {
  registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context);
      return found.url.endsWith(`/src/${file}`) && context.parentURL !== instead
        ? { ...found, url: instead, format: 'module-typescript' }
        : found;
    },
  });
}
