/** Planted bug: bodies are read however long they are. */
import { standInFor } from '../lib/stand-in.ts';

standInFor('apiserver/http/body.ts', new URL('in-front/unbounded-bodies.ts', import.meta.url).href);
