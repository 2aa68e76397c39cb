import { expect, test } from 'vitest';
import type { ProcessView } from './process.ts';
import { describeProcesses } from './status.ts';

const paths = { run: '/run/patchbay/demo', state: '/var/lib/patchbay/demo' };

function seen(pid: number, program: string, argv: readonly string[], ppid = 1): ProcessView {
  return { pid, ppid, program, argv, startTime: '1', netns: 1 };
}

test('processes are named by what they run, and helpers by who started them', () => {
  const node1 = `${paths.run}/nodes/node1`;
  const described = describeProcesses(
    paths,
    [
      seen(9, 'node', ['node', '/x/bin/supervisor.js', '--config', `${paths.state}/supervisor.json`]),
      seen(1, 'node', ['node', '/x/bin/control-plane.js', '--config', 'f']),
      seen(2, 'node', ['node', '/x/bin/agent.js', '--config', `${paths.state}/nodes/node1/agent.json`]),
      seen(3, 'ip', ['ip', '-batch', '-'], 2),
      seen(10, 'node', ['node', '/x/bin/agent.js', '--config', `${paths.state}/nodes/node1/agent.json`], 2),
      seen(4, 'ovsdb-server', ['ovsdb-server', `${paths.state}/ovn/nb.db`], 5),
      seen(5, 'ovsdb-server', ['ovsdb-server: monitoring pid 4 (healthy)']),
      seen(6, 'ovs-vswitchd', ['ovs-vswitchd', `unix:${node1}/ovs/db.sock`]),
      seen(7, 'qemu-system-x86_64', [
        'qemu-system-x86_64',
        '-name',
        'guest=default_vm,debug-threads=on',
        '-qmp',
        `unix:${node1}/vms/u/qmp.sock`,
      ]),
      seen(8, 'bash', ['bash']),
    ],
    (pid) => pid * 100,
  );
  expect(described.map(({ group, name, node, pssKib }) => [group, name, node, pssKib])).toEqual([
    ['control plane', 'control-plane', undefined, 100],
    ['agent', 'agent', 'node1', 200],
    ['agent', 'agent helper ip', 'node1', 300],
    ['agent', 'agent helper node', 'node1', 1000],
    ['supervisor', 'supervisor', undefined, 900],
    ['OVN', 'ovsdb-server nb', undefined, 400],
    ['OVN', 'ovsdb-server nb monitor', undefined, 500],
    ['Open vSwitch', 'ovs-vswitchd', 'node1', 600],
    ['VM', 'qemu default_vm', 'node1', 700],
    ['other', 'bash', undefined, 800],
  ]);
});
