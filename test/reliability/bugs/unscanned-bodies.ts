/** Planted bug: bodies are parsed without a look at their depth and keys. */
import { standInFor } from '../lib/stand-in.ts';

standInFor('apiserver/http/json-scan.ts', new URL('in-front/unscanned-bodies.ts', import.meta.url).href);
