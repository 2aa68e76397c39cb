/** The daemons of a lab: argument vectors, pid files, control sockets, databases. Pure. */
import path from 'node:path';
import type { InstancePaths, NodePaths } from './names.ts';
import type { DaemonPlan, LabPlan, NodePlan } from './plan.ts';

const logging = ['-vconsole:off', '-vsyslog:off', '-vfile:info'];

function detached(run: string, log: string, name: string): string[] {
  return [
    `--pidfile=${path.join(run, `${name}.pid`)}`,
    `--log-file=${log}`,
    ...logging,
    '--detach',
    '--monitor',
  ];
}

/** OVN's databases and northd. */
export function composeCentral({ ovn, ovnRun, log }: InstancePaths): LabPlan['central'] {
  const env = { OVN_RUNDIR: ovnRun, OVS_RUNDIR: ovnRun, OVN_DBDIR: ovn };
  const database = (name: 'nb' | 'sb'): DaemonPlan => ({
    name: `ovn-${name}`,
    unprivileged: true,
    argv: [
      'ovsdb-server',
      path.join(ovn, `${name}.db`),
      `--remote=punix:${path.join(ovnRun, `${name}.sock`)}`,
      `--unixctl=${path.join(ovnRun, `${name}.ctl`)}`,
      ...detached(ovnRun, path.join(log, 'ovn', `${name}.log`), `ovn-${name}`),
    ],
    env,
    pidFile: path.join(ovnRun, `ovn-${name}.pid`),
    control: path.join(ovnRun, `${name}.ctl`),
    database: { file: path.join(ovn, `${name}.db`), schema: `/usr/share/ovn/ovn-${name}.ovsschema` },
  });
  return {
    databases: [database('nb'), database('sb')],
    northd: {
      name: 'ovn-northd',
      unprivileged: true,
      argv: [
        'ovn-northd',
        `--ovnnb-db=unix:${path.join(ovnRun, 'nb.sock')}`,
        `--ovnsb-db=unix:${path.join(ovnRun, 'sb.sock')}`,
        `--unixctl=${path.join(ovnRun, 'northd.ctl')}`,
        ...detached(ovnRun, path.join(log, 'ovn', 'northd.log'), 'ovn-northd'),
      ],
      env,
      pidFile: path.join(ovnRun, 'ovn-northd.pid'),
      control: path.join(ovnRun, 'northd.ctl'),
    },
  };
}

/** Open vSwitch and ovn-controller of a node. */
export function composeNodeDaemons(
  paths: InstancePaths,
  own: NodePaths,
  node: string,
  netns: string,
): Pick<NodePlan, 'ovsdb' | 'vswitchd' | 'controller'> {
  const run = own.ovs;
  const env = { OVS_RUNDIR: run, OVN_RUNDIR: run, OVS_DBDIR: own.state, OVS_LOGDIR: paths.log };
  const db = `unix:${path.join(run, 'db.sock')}`;
  const daemon = (program: string, argv: readonly string[], control = `${program}.ctl`): DaemonPlan => ({
    name: `${node}/${program}`,
    netns,
    unprivileged: false,
    argv: [program, ...argv, ...detached(run, path.join(paths.log, `${node}-${program}.log`), program)],
    env,
    pidFile: path.join(run, `${program}.pid`),
    control: path.join(run, control),
  });
  const unixctl = (program: string): string => `--unixctl=${path.join(run, `${program}.ctl`)}`;
  return {
    ovsdb: {
      ...daemon('ovsdb-server', [own.confDb, `--remote=p${db}`, unixctl('ovsdb-server')]),
      database: { file: own.confDb, schema: '/usr/share/openvswitch/vswitch.ovsschema' },
    },
    vswitchd: daemon('ovs-vswitchd', [db, unixctl('ovs-vswitchd')]),
    // ovn-controller 23.03 has no --unixctl: its control socket is in OVN_RUNDIR.
    controller: daemon('ovn-controller', [db], 'ovn-controller.<pid>.ctl'),
  };
}
