/** What a machine has that tests could leave behind: compared before and after, the difference is what was left. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { ownProgram } from '#lab/process.ts';

/** Programs that only Patchbay's tests start here. */
const programs = /^(qemu-system-|ovs-vswitchd|ovsdb-server|ovn-northd|ovn-controller|dnsmasq|conmon|crun)/;

/** Everything countable, as lines of text. */
export function inventory(): ReadonlySet<string> {
  return new Set([
    ...list('netns', ['ip', '-j', 'netns', 'list'], 'name'),
    ...list('link', ['ip', '-j', 'link', 'show'], 'ifname'),
    ...nftTables(),
    ...mounts(),
    ...processes(),
    ...entries('/run/patchbay'),
    ...controlGroups(),
  ]);
}

/** What `after` has that `before` had not. */
export function leftBehind(before: ReadonlySet<string>, after: ReadonlySet<string>): readonly string[] {
  return [...after].filter((line) => !before.has(line)).toSorted();
}

function list(what: string, [command = '', ...args]: readonly string[], key: string): string[] {
  const { stdout } = spawnSync(command, args, { encoding: 'utf8' });
  const rows = stdout.trim() === '' ? [] : (JSON.parse(stdout) as Record<string, unknown>[]);
  return rows.map((row) => `${what} ${String(row[key])}`);
}

function nftTables(): string[] {
  const { stdout } = spawnSync('nft', ['-j', 'list', 'tables'], { encoding: 'utf8' });
  const { nftables = [] } =
    stdout === ''
      ? {}
      : (JSON.parse(stdout) as { nftables?: { table?: { family: string; name: string } }[] });
  return nftables.flatMap(({ table }) =>
    table === undefined ? [] : [`nft table ${table.family} ${table.name}`],
  );
}

function mounts(): string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => `mount ${line.split(' ')[1] ?? ''}`)
    .filter((line) => line !== 'mount ');
}

function processes(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        const program = argv[0]?.split('/').at(-1) ?? '';
        const ours = programs.test(program) || ownProgram(argv) !== undefined;
        return ours ? [`process ${pid} ${argv.slice(0, 3).join(' ')}`] : [];
      } catch (error) {
        if (
          (error as NodeJS.ErrnoException).code === 'ENOENT' ||
          (error as NodeJS.ErrnoException).code === 'ESRCH'
        ) {
          return []; // it ended while we looked
        }
        throw error;
      }
    });
}

/** Groups of containers, in every hierarchy. */
function controlGroups(): string[] {
  const root = '/sys/fs/cgroup';
  const hierarchies = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [root, ...hierarchies.map(({ name }) => `${root}/${name}`)].flatMap((hierarchy) =>
    entries(`${hierarchy}/patchbay`).filter(
      (line) => !/\/(cgroup|tasks|notify_on_release|\w+\.)[^/]*$/.test(line),
    ),
  );
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => `path ${folder}/${name}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return [];
    }
    throw error;
  }
}
