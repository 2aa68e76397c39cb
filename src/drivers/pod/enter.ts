/** Commands in a mount namespace of their own: what is mounted for them goes away with them, whatever happens to us. */
import { readFileSync } from 'node:fs';

/** One thing done in the new namespace before the command starts. */
export type EnterStep =
  | { readonly do: 'mount'; readonly type: string; readonly options: string; readonly target: string }
  | { readonly do: 'mkdir'; readonly path: string }
  /** Makes an overlay's whiteout: a path that hides what is below. */
  | { readonly do: 'hide'; readonly path: string };

/** Carries the steps out and becomes the command. Constant: everything else is in its arguments. */
const script = [
  'set -e',
  'while [ "$1" != -- ]; do',
  '  case "$1" in',
  '    mount) mount -n -t "$2" -o "$3" "$2" "$4"; shift 4 ;;',
  '    mkdir) mkdir -p "$2"; shift 2 ;;',
  '    hide) mknod "$2" c 0 0; shift 2 ;;',
  '    *) exit 64 ;;',
  '  esac',
  'done',
  'shift',
  'exec "$@"',
].join('\n');

/** `argv` as it must be started to run after the steps. */
export function entering(steps: readonly EnterStep[], argv: readonly string[]): readonly string[] {
  if (steps.length === 0) {
    return argv;
  }
  const words = steps.flatMap((step) =>
    step.do === 'mount' ? ['mount', step.type, step.options, step.target] : [step.do, step.path],
  );
  return [
    'unshare',
    '--mount',
    '--propagation',
    'slave',
    '--',
    'sh',
    '-c',
    script,
    'sh',
    ...words,
    '--',
    ...argv,
  ];
}

/**
 * crun refuses cgroup v1 while the unified hierarchy beside it has controllers. It does not see that hierarchy when
 * something else is mounted in its place.
 */
export function cgroupSteps(
  controllersFile = '/sys/fs/cgroup/unified/cgroup.controllers',
): readonly EnterStep[] {
  const controllers = readOptional(controllersFile)?.trim() ?? '';
  return controllers === ''
    ? []
    : [{ do: 'mount', type: 'tmpfs', options: 'size=4k,mode=0555', target: '/sys/fs/cgroup/unified' }];
}

function readOptional(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}
