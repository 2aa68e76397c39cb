/**
 * Which room may import which: the table of ARCHITECTURE.md as data, and the pure check of one file's imports.
 * An entry is a room, or a file or folder of it; `types` marks imports that must be `import type`.
 */

/** A room (or part of one) that another may import. */
interface Allowance {
  /** `machinery`, or `machinery/errors.ts`, or `drivers/ovn`. */
  readonly path: string;
  /** Only `import type` is allowed. */
  readonly types?: true;
}

/** One import statement of a file. */
export interface ImportOf {
  /** Path below `src/`, such as `agent/compose.ts`. */
  readonly from: string;
  /** Path below `src/` of what is imported. */
  readonly to: string;
  readonly typeOnly: boolean;
}

const everything: readonly Allowance[] = [{ path: '' }];

function rooms(...paths: readonly string[]): readonly Allowance[] {
  return paths.map((path) => ({ path }));
}

/** room -> what it may import besides itself. */
export const layers: Readonly<Record<string, readonly Allowance[]>> = {
  api: [],
  machinery: rooms('api'),
  'node-state': [],
  wire: rooms('machinery/errors.ts', 'machinery/clock.ts'),
  certs: rooms('machinery/errors.ts'),
  bindings: rooms('api', 'node-state', 'machinery/errors.ts'),
  cni: rooms('api', 'node-state', 'machinery/errors.ts'),
  drivers: rooms('machinery/errors.ts', 'machinery/clock.ts', 'node-state', 'wire'),
  agent: rooms(
    'api',
    'machinery',
    'node-state',
    'drivers',
    'bindings',
    'cni',
    'certs',
    'wire/spdy',
    'wire/websocket-channels.ts',
  ),
  fabric: rooms('api', 'machinery', 'node-state', 'drivers/ovn'),
  controllers: rooms('api', 'machinery'),
  cluster: rooms('api', 'machinery', 'certs'),
  store: rooms('machinery/errors.ts', 'machinery/clock.ts'),
  apiserver: rooms(
    'api',
    'machinery/errors.ts',
    'machinery/clock.ts',
    'machinery/http-module.ts',
    'machinery/prometheus.ts',
    'machinery/yaml.ts',
    'store',
    'wire',
    'certs',
  ),
  lab: [
    ...rooms('api', 'machinery/errors.ts', 'machinery/clock.ts', 'certs', 'drivers', 'node-state', 'wire'),
    { path: 'agent/config.ts', types: true }, // the lab writes the file that the agent reads
  ],
  explain: rooms('api', 'machinery', 'node-state', 'wire'),
  verify: rooms('api', 'machinery/yaml.ts'),
  cli: rooms(
    'api',
    'machinery',
    'node-state',
    'wire',
    'lab',
    'drivers/image',
    'drivers/probe',
    'drivers/reach',
    'store',
    'verify',
  ),
  bin: everything,
};

/** The one file that may have `node:http` as a value; it says why. */
const httpModule = 'machinery/http-module.ts';

/** Says what is wrong with an import, or nothing. Drivers may not import their siblings, only shared files of the room. */
export function judgeImport({ from, to, typeOnly }: ImportOf): string | undefined {
  if (to === 'node:http') {
    return typeOnly || from === httpModule
      ? undefined
      : `${from} imports ${to}; only \`import type\` is allowed: take ${httpModule}`;
  }
  const [fromRoom = '', fromPart = ''] = from.split('/');
  const [toRoom = '', toPart = ''] = to.split('/');
  if (fromRoom === toRoom) {
    const siblings = fromRoom === 'drivers' && isFolder(fromPart) && isFolder(toPart) && fromPart !== toPart;
    return siblings && !typeOnly ? `${from} imports its sibling driver ${to}` : undefined;
  }
  const allowed = layers[fromRoom];
  if (allowed === undefined) {
    return `${from}: room ${fromRoom} is not in the layer table of tools/layers.ts`;
  }
  const allowance = allowed.find(({ path }) => path === '' || to === path || to.startsWith(`${path}/`));
  if (allowance === undefined) {
    return `${from} imports ${to}; room ${fromRoom} may import ${allowed.map(({ path }) => path || 'everything').join(', ') || 'nothing'}`;
  }
  return allowance.types === true && !typeOnly
    ? `${from} imports ${to}; only \`import type\` is allowed`
    : undefined;
}

function isFolder(part: string): boolean {
  return part !== '' && !part.endsWith('.ts');
}
