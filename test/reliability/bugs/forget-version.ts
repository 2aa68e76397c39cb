/** Planted bug: an update is not checked against the resourceVersion that its writer had read. */
import { standInFor } from '../lib/stand-in.ts';

standInFor('apiserver/registry/update.ts', new URL('in-front/forget-version.ts', import.meta.url).href);
