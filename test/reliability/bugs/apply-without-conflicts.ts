/** Planted bug: server-side apply takes fields from whoever owns them. */
import { standInFor } from '../lib/stand-in.ts';

standInFor(
  'apiserver/patch/apply/apply.ts',
  new URL('in-front/apply-without-conflicts.ts', import.meta.url).href,
);
