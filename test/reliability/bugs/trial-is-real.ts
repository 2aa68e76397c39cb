/** Planted bug: `dryRun=All` of updates and patches is not a trial. */
import { standInFor } from '../lib/stand-in.ts';

standInFor('apiserver/registry/update.ts', new URL('in-front/trial-is-real.ts', import.meta.url).href);
