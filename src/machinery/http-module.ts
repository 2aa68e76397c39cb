/**
 * Node's module `node:http`, for values; types are imported from it as ever. `import` of a builtin module reads all that it
 * exports, and `WebSocket` of `node:http` loads undici when it is read (`lib/http.js`): 9 MB in each process, and 40 ms of its
 * start, for nothing.
 */
export const httpModule: typeof import('node:http') = process.getBuiltinModule('node:http');
