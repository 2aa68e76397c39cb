/** Planted bug: `key!=value` wants the key to be there. */
import { standInFor } from '../lib/stand-in.ts';

standInFor('apiserver/selectors/labels.ts', new URL('in-front/selector-not-equal.ts', import.meta.url).href);
