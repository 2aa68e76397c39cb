/** Plain pods as kubectl's users see them: containers, logs, commands, ports, files, their end. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pod } from '#api/core/pod.ts';
import { type Cluster, execute, listOf, openCluster } from './cluster.ts';

const namespace = 'pods';
const image = 'localhost/host';
let cluster: Cluster;
let directory = '';

const serve =
  'echo "started $GREETING $(hostname -i)"; echo web > /data/index.html; cd /data; trap "exit 0" TERM; python3 -m http.server 8080 >/dev/null 2>&1 & while :; do sleep 0.2; done';

function manifest(name: string, script: string, spec: object = {}, container: object = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name },
    spec: {
      terminationGracePeriodSeconds: 5,
      containers: [{ name: 'main', image, command: ['sh', '-c', script], ...container }],
      ...spec,
    },
  });
}

const objects = [
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace, name: 'settings' },
    data: { greeting: 'hello', 'file.txt': 'from the map' },
  }),
  manifest(
    'web',
    serve,
    {
      initContainers: [
        {
          name: 'before',
          image,
          command: ['sh', '-c', 'echo prepared > /data/init'],
          volumeMounts: [{ name: 'data', mountPath: '/data' }],
        },
      ],
      volumes: [
        { name: 'data', emptyDir: {} },
        { name: 'settings', configMap: { name: 'settings' } },
      ],
    },
    {
      env: [{ name: 'GREETING', valueFrom: { configMapKeyRef: { name: 'settings', key: 'greeting' } } }],
      readinessProbe: { httpGet: { port: 8080, path: '/init' }, periodSeconds: 1 },
      resources: { limits: { memory: '64Mi', cpu: '500m' } },
      volumeMounts: [
        { name: 'data', mountPath: '/data' },
        { name: 'settings', mountPath: '/settings' },
      ],
    },
  ),
  manifest('done', 'echo last words > /dev/termination-log; exit 3', { restartPolicy: 'Never' }),
  manifest('crash', 'echo once more; exit 1'),
  manifest('missing', 'true', {}, { image: 'quay.io/nobody/nothing:1' }),
  manifest(
    'sick',
    'sleep 300',
    {},
    {
      livenessProbe: { exec: { command: ['false'] }, periodSeconds: 1, failureThreshold: 1 },
    },
  ),
];

beforeAll(async () => {
  cluster = await openCluster();
  directory = await mkdtemp(path.join(tmpdir(), 't-e2e-pods-'));
  await cluster.must(['create', 'namespace', namespace]);
  await cluster.must(['create', '-f', '-'], listOf(objects));
  await cluster.must(['wait', '-n', namespace, 'pod/web', '--for=condition=Ready', '--timeout=30s']);
});

afterAll(async () => {
  await cluster.must(['delete', 'namespace', namespace, '--timeout=60s']);
  cluster.close();
  await rm(directory, { recursive: true });
});

const kubectl = (...args: readonly string[]) => cluster.kubectl(['-n', namespace, ...args]);
const statusOf = async (name: string) => (await cluster.client.get(pod, { namespace, name })).status ?? {};
const stateOf = async (name: string) => (await statusOf(name)).containerStatuses?.[0];

describe('status', () => {
  test('of a pod that ended tells how', async () => {
    await expect
      .poll(() => statusOf('done'), { timeout: 10_000 })
      .toMatchObject({
        phase: 'Failed',
        containerStatuses: [
          { state: { terminated: { exitCode: 3, reason: 'Error', message: 'last words\n' } } },
        ],
      });
  });

  test('of a crashing pod tells of its back-off', async () => {
    await expect
      .poll(async () => (await stateOf('crash'))?.state?.waiting?.reason, { timeout: 15_000 })
      .toBe('CrashLoopBackOff');
    expect((await kubectl('logs', 'crash', '--previous')).stdout).toContain('once more');
  });

  test('of a pod without image says how to import it, and has an address', async () => {
    await expect
      .poll(async () => (await statusOf('missing')).podIP, { timeout: 10_000 })
      .toMatch(/^10\.128\./);
    expect((await stateOf('missing'))?.state?.waiting?.reason).toMatch(/^(ErrImagePull|ImagePullBackOff)$/);
    const { stdout } = await kubectl('events', '--for', 'pod/missing');
    expect(stdout).toContain('patchbay image import quay.io/nobody/nothing:1');
    expect((await kubectl('logs', 'missing')).stderr).toContain('is waiting to start');
  });

  test('counts the restarts of a container that fails its liveness probe', async () => {
    await expect
      .poll(async () => (await stateOf('sick'))?.restartCount, { timeout: 20_000 })
      .toBeGreaterThan(0);
  });
});

describe('logs', () => {
  test('are what the container printed', async () => {
    const addresses = (await statusOf('web')).podIPs?.map(({ ip }) => ip) ?? [];
    const [first = '', ...more] = (await kubectl('logs', 'web')).stdout.split('\n');
    expect(more).toEqual(['']);
    // The pod's resolver says which family it names first.
    expect(first.split(' ').toSorted()).toEqual(['hello', 'started', ...addresses].toSorted());
    expect((await kubectl('logs', 'web', '--timestamps', '--tail=1')).stdout).toMatch(/^20\d\d-\S+ started/);
    expect((await kubectl('logs', 'web', '--tail=0')).stdout).toBe('');
  });

  test('are followed to the end', async () => {
    const script = 'for i in 1 2 3; do echo line $i; sleep 0.3; done';
    await cluster.must(['create', '-f', '-'], manifest('talk', script, { restartPolicy: 'Never' }));
    await cluster.must([
      '-n',
      namespace,
      'wait',
      'pod/talk',
      '--for=jsonpath={.status.phase}=Running',
      '--timeout=20s',
    ]);
    expect((await kubectl('logs', '-f', 'talk')).stdout).toBe('line 1\nline 2\nline 3\n');
  });
});

describe('commands', () => {
  test('run with their input, output and status', async () => {
    const script = 'cat; cat /settings/file.txt; echo bad >&2; exit 7';
    const args = ['-n', namespace, 'exec', '-i', 'web', '-c', 'main', '--', 'sh', '-c', script];
    expect(await cluster.kubectl(args, 'from here\n')).toMatchObject({
      status: 7,
      stdout: 'from here\nfrom the map',
      stderr: expect.stringContaining('bad\n'),
    });
  });

  test('have a terminal', async () => {
    const command = `kubectl -n ${namespace} exec -it web -c main -- sh -c 'tty; exit 3'`;
    const env = { KUBECONFIG: cluster.kubeconfig, SHELL: '/bin/sh' };
    const { status, stdout } = await execute(['script', '-qec', command, '/dev/null'], undefined, env);
    expect([status, stdout]).toEqual([3, expect.stringContaining('/dev/pts/0')]);
  });

  test('in containers that are not there are refused in words', async () => {
    expect((await kubectl('exec', 'web', '-c', 'none', '--', 'id')).stderr).toContain('none');
    expect((await kubectl('exec', 'missing', '--', 'id')).stderr).toContain('container not found ("main")');
  });

  test('need more than the right to look', async () => {
    const { status, stderr } = await kubectl('exec', 'web', '--as=somebody', '--', 'id');
    expect([status, stderr]).toEqual([1, expect.stringContaining('User "somebody" cannot')]);
  });

  test('attach to input and output', async () => {
    const args = ['-n', namespace, 'run', 'asked', '-i', '--rm', '--restart=Never', `--image=${image}`, '--'];
    const script = 'read x; echo "heard $x"';
    const { stdout } = await cluster.kubectl([...args, 'sh', '-c', script], 'me\n');
    expect(stdout).toContain('heard me');
  });
});

test('a container calls the API with the token of its service account', async () => {
  await cluster.must(['-n', namespace, 'create', 'role', 'reader', '--verb=get', '--resource=configmaps']);
  await cluster.must([
    ...['-n', namespace, 'create', 'rolebinding', 'reader', '--role=reader'],
    `--serviceaccount=${namespace}:default`,
  ]);
  const script = [
    'import os, ssl, urllib.request, urllib.error',
    'os.chdir("/var/run/secrets/kubernetes.io/serviceaccount")',
    'url = "https://{KUBERNETES_SERVICE_HOST}:{KUBERNETES_SERVICE_PORT}/api/v1/namespaces/".format(**os.environ)',
    'headers = {"Authorization": "Bearer " + open("token").read()}',
    'context = ssl.create_default_context(cafile="ca.crt")',
    'for what in ["configmaps/settings", "secrets"]:',
    '  request = urllib.request.Request(url + open("namespace").read() + "/" + what, headers=headers)',
    '  try: print(urllib.request.urlopen(request, context=context).read().decode().strip())',
    '  except urllib.error.HTTPError as refused: print(refused.read().decode().strip())',
  ].join('\n');
  const { stdout } = await kubectl('exec', 'web', '-c', 'main', '--', 'python3', '-c', script);
  const [settings = '', secrets = ''] = stdout.split('\n');
  expect(JSON.parse(settings)).toMatchObject({ data: { greeting: 'hello' } });
  expect(JSON.parse(secrets)).toMatchObject({
    code: 403,
    message: expect.stringContaining(`User "system:serviceaccount:${namespace}:default" cannot list`),
  });
});

describe('kubectl debug', () => {
  const debug = (name: string, ...args: readonly string[]) =>
    kubectl('debug', 'web', `--image=${image}`, '-c', name, ...args);

  test('adds a container that sees the processes and the network of another', async () => {
    const script =
      'cat /proc/1/cmdline | tr "\\0" " "; hostname -i; cat /proc/1/root/data/index.html; sleep 300';
    const made = await debug('looker', '--profile=general', '--target=main', '--', 'sh', '-c', script);
    expect(made).toMatchObject({ status: 0, stderr: expect.stringContaining('SYS_PTRACE is not given') });
    await cluster.must([
      ...['-n', namespace, 'wait', 'pod/web', '--timeout=20s'],
      '--for=jsonpath={.status.ephemeralContainerStatuses[0].state.running.startedAt}',
    ]);
    const { podIP = '' } = await statusOf('web');
    await expect
      .poll(async () => (await kubectl('logs', 'web', '-c', 'looker')).stdout)
      .toMatch(new RegExp(`^sh -c echo "started.*${podIP}\nweb\n$`, 's'));
    const { stdout } = await kubectl('exec', 'web', '-c', 'looker', '--', 'cat', '/proc/1/comm');
    expect(stdout).toBe('sh\n');
    expect(await statusOf('web')).toMatchObject({
      phase: 'Running',
      containerStatuses: [{ restartCount: 0 }],
    });
  });

  test('attaches to it, and tells how it ended', async () => {
    const args = ['-n', namespace, 'debug', 'web', '-i', `--image=${image}`, '-c', 'asked', '--'];
    const { stdout } = await cluster.kubectl(
      [...args, 'sh', '-c', 'read x; echo "heard $x"; exit 4'],
      'me\n',
    );
    expect(stdout).toContain('heard me');
    const ended = async () =>
      (await statusOf('web')).ephemeralContainerStatuses?.find(({ name }) => name === 'asked')?.state;
    await expect.poll(ended).toMatchObject({ terminated: { exitCode: 4, reason: 'Error' } });
  });

  test('is refused what an ephemeral container cannot be', async () => {
    const [kind, patch] = ['--type=strategic', { name: 'looker', image, targetContainerName: 'none' }];
    const spec = JSON.stringify({ spec: { ephemeralContainers: [patch] } });
    const { status, stderr } = await kubectl(
      'patch',
      'pod',
      'web',
      '--subresource=ephemeralcontainers',
      kind,
      '-p',
      spec,
    );
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining('existing ephemeral containers "looker" may not be changed'),
    ]);
    expect((await debug('x', '--as=somebody')).stderr).toContain('cannot');
  });

  test('copies a pod with another command', async () => {
    const args = [
      'debug',
      'web',
      '--copy-to=web-copy',
      '--share-processes',
      '-c',
      'main',
      '--',
      'sleep',
      '300',
    ];
    expect(await kubectl(...args)).toMatchObject({ status: 0 });
    await cluster.must([
      '-n',
      namespace,
      'wait',
      'pod/web-copy',
      '--for=jsonpath={.status.phase}=Running',
      '--timeout=20s',
    ]);
    const inside = async (script: string) =>
      (await kubectl('exec', 'web-copy', '-c', 'main', '--', 'sh', '-c', script)).stdout;
    expect(await inside('cat /proc/1/cmdline /proc/[0-9]*/cmdline | tr "\\0" " "')).toMatch(
      /^sleep infinity .*sleep 300 /,
    );
    // A dead orphan would stay in the process table until the first process of the pod collects it.
    const orphan = 'p=$(sleep 0.1 >/dev/null & echo $!); n=0';
    const gone =
      'while [ -d /proc/$p ] && [ $((n += 1)) -lt 100 ]; do sleep 0.1; done; cat /proc/$p/stat || echo gone';
    expect(await inside(`${orphan}; ${gone}`)).toBe('gone\n');
    await kubectl('delete', 'pod', 'web-copy', '--wait=false');
  });
});

describe('a pod in the network of its node', () => {
  const spec = { hostNetwork: true, nodeName: 'node1' };
  const serveNode =
    'hostname; mkdir /tmp/w; cd /tmp/w; echo node > index.html; exec python3 -m http.server 18080';

  test('has its addresses and serves on them', async () => {
    await cluster.must(
      ['create', '-f', '-'],
      manifest('host', serveNode, spec, { readinessProbe: { tcpSocket: { port: 18080 }, periodSeconds: 1 } }),
    );
    await cluster.must(['-n', namespace, 'wait', 'pod/host', '--for=condition=Ready', '--timeout=20s']);
    const { nodes } = await cluster.status();
    const { podIP, podIPs, hostIPs } = await statusOf('host');
    expect([podIP, podIPs]).toEqual([nodes[0]?.address, hostIPs]);
    expect((await kubectl('logs', 'host')).stdout).toContain('node1\n');
    const answer = await fetch(`http://${podIP}:18080/`);
    expect(await answer.text()).toBe('node\n');
    const links = await kubectl('exec', 'host', '--', 'ls', '/sys/class/net');
    expect(links.stdout.split('\n')).toEqual(expect.arrayContaining(['br-ex', 'lo']));
    await kubectl('delete', 'pod', 'host', '--wait=false');
  });

  test('needs a right that edit does not give', async () => {
    await cluster.must(['-n', namespace, 'create', 'rolebinding', 'ed', '--clusterrole=edit', '--user=ed']);
    const create = (name: string) =>
      cluster.kubectl(['create', '--as=ed', '-f', '-'], manifest(name, 'sleep 9', { hostNetwork: true }));
    const refused = await create('never');
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining('"hostnetwork"') });
    const [, grant = ''] = /kubectl (-n .*)$/m.exec(refused.stderr) ?? [];
    await cluster.must(grant.split(' '));
    expect(await create('now')).toMatchObject({ status: 0 });
    await kubectl('delete', 'pod', 'now', '--wait=false');
  });

  test('is all of the node that it gets', async () => {
    const node = ['debug', 'node/node1', `--image=${image}`];
    expect(await kubectl(...node, '--', 'true')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('hostPID: true is refused'),
    });
    const restricted = await kubectl(...node, '--profile=restricted', '--', 'true');
    expect(restricted).toMatchObject({ status: 0, stdout: expect.stringContaining('on node node1') });
    expect((await kubectl('debug', 'web', `--image=${image}`, '--profile=sysadmin')).stderr).toContain(
      'privileged',
    );
  });
});

test('a DaemonSet goes back to what it was', async () => {
  const template = {
    metadata: { labels: { app: 'ds' } },
    spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'c', image, command: ['sleep', '301'] }] },
  };
  const set = {
    metadata: { namespace, name: 'ds' },
    spec: { selector: { matchLabels: { app: 'ds' } }, template },
  };
  const rolled = () => cluster.must(['-n', namespace, 'rollout', 'status', 'ds/ds', '--timeout=30s']);
  await cluster.must(
    ['create', '-f', '-'],
    JSON.stringify({ apiVersion: 'apps/v1', kind: 'DaemonSet', ...set }),
  );
  await rolled();
  await cluster.must(['-n', namespace, 'set', 'env', 'ds/ds', 'A=1']);
  await rolled();
  const history = async () =>
    (await kubectl('rollout', 'history', 'ds/ds')).stdout
      .split('\n')
      .flatMap((line) => /^\d+/.exec(line)?.[0] ?? []);
  expect(await history()).toEqual(['1', '2']);
  expect((await kubectl('rollout', 'undo', 'ds/ds')).stdout).toBe('daemonset.apps/ds rolled back\n');
  await rolled();
  expect(await history()).toEqual(['2', '3']);
  const { stdout } = await kubectl(
    'get',
    'pods',
    '-l',
    'app=ds',
    '-o',
    'jsonpath={.items[*].spec.containers[0].env}',
  );
  expect(stdout).toBe('');
  expect((await kubectl('get', 'controllerrevisions', '--no-headers')).stdout).toMatch(
    /daemonset.apps\/ds +3 /,
  );
  await kubectl('delete', 'ds', 'ds');
});

test('files are copied there and back', async () => {
  const [from, back] = [path.join(directory, 'from'), path.join(directory, 'back')];
  await writeFile(from, randomBytes(2_000_000));
  await cluster.must(['-n', namespace, 'cp', from, 'web:/tmp/copied', '-c', 'main']);
  await cluster.must(['-n', namespace, 'cp', 'web:/tmp/copied', back, '-c', 'main']);
  expect(Buffer.compare(await readFile(from), await readFile(back))).toBe(0);
});

test('ports are forwarded', async () => {
  const child = spawn('kubectl', ['-n', namespace, 'port-forward', 'pod/web', ':8080'], {
    env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const port = await new Promise<string>((resolve) => {
      child.stdout.on('data', (chunk: Buffer) => {
        const found = /127\.0\.0\.1:(\d+)/.exec(chunk.toString())?.[1];
        if (found !== undefined) resolve(found);
      });
    });
    for (let time = 0; time < 3; time += 1) {
      const answer = await fetch(`http://127.0.0.1:${port}/index.html`);
      expect(await answer.text()).toBe('web\n');
    }
  } finally {
    child.kill();
  }
});

test('pods and services are asked through the API server', async () => {
  const from = `/api/v1/namespaces/${namespace}`;
  const raw = (rest: string) => kubectl('get', '--raw', `${from}/${rest}`);
  await cluster.must(['-n', namespace, 'label', 'pod', 'web', 'proxied=yes']);
  const spec = { selector: { proxied: 'yes' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] };
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { namespace, name: 'web' }, spec };
  await cluster.must(['apply', '-f', '-'], JSON.stringify(service));
  expect((await raw('pods/web:8080/proxy/index.html')).stdout).toBe('web\n');
  await expect
    .poll(async () => (await raw('services/web:http/proxy/index.html')).stdout, { timeout: 20_000 })
    .toBe('web\n');
  expect((await raw('pods/web:9/proxy/')).stderr).toMatch(
    /ServiceUnavailable\): error trying to reach service: dial tcp \S+:9: connect: connection refused/,
  );
});

test('containers outlive the agent and take commands again', async () => {
  const { processes } = await cluster.status();
  const agents = processes.filter(({ name }) => name === 'agent');
  expect(agents.length).toBeGreaterThan(0);
  const before = await stateOf('web');
  for (const { pid } of agents) process.kill(pid, 'SIGKILL');
  await expect
    .poll(async () => (await kubectl('exec', 'web', '-c', 'main', '--', 'echo', 'alive')).stdout, {
      timeout: 30_000,
    })
    .toBe('alive\n');
  expect(await stateOf('web')).toMatchObject({ containerID: before?.containerID, restartCount: 0 });
});

test('a deleted pod is asked to stop and goes at once when it does', async () => {
  await cluster.must(
    ['create', '-f', '-'],
    manifest('polite', 'trap "exit 0" TERM; while :; do sleep 0.1; done'),
  );
  await cluster.must(['-n', namespace, 'wait', 'pod/polite', '--for=condition=Ready', '--timeout=20s']);
  const { seconds, status } = await kubectl('delete', 'pod', 'polite');
  expect(status).toBe(0);
  expect(seconds).toBeLessThan(4);
});
