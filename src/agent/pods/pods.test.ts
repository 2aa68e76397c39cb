import { describe, expect, it } from 'vitest';
import type { Container, EphemeralContainer, Pod } from '#api/core/pod.ts';
import type { Service } from '#api/core/service.ts';
import type { ContainerImage } from '#drivers/image/container-images.ts';
import type { ContainerPhase, ContainerView } from '#drivers/pod/driver.ts';
import { runId } from '#drivers/pod/paths.ts';
import type { ContainerState } from '#node-state/container.ts';
import { composeContainer } from './compose-container.ts';
import { expand } from './environment.ts';
import { composeEtc } from './etc-files.ts';
import { resourceValue } from './fields.ts';
import { planPod, restartDelay } from './plan.ts';
import type { Sources } from './sources.ts';
import { plainStatus, type StatusInput } from './status.ts';
import { tokenKey } from './tokens.ts';
import { composeVolumes } from './volumes.ts';

const start = Date.parse('2026-01-01T00:00:00Z');
const facts = {
  podIPs: ['10.128.0.5'],
  hostIPs: ['192.168.126.11'],
  apiServer: 'https://192.168.126.1:6443',
  cpus: 2,
  memory: 1024 ** 3,
};
const sources: Sources = {
  configMaps: new Map([
    ['cm', new Map([['a', Buffer.from('hello')]])],
    ['gone', undefined],
  ]),
  secrets: new Map([['s', new Map([['key', Buffer.from([0, 255])]])]]),
  tokens: new Map([[tokenKey({ expirationSeconds: 3607 }), 'TOKEN']]),
  services: [
    {
      metadata: { name: 'my-web', namespace: 'demo' },
      spec: { clusterIP: '172.30.0.9', ports: [{ name: 'http', port: 80, protocol: 'TCP' }] },
    },
    { metadata: { name: 'headless' }, spec: { clusterIP: 'None', ports: [{ port: 80 }] } },
  ] as Service[],
};
const image: ContainerImage = {
  reference: 'web:1',
  digest: 'sha256:1',
  root: { type: 'image', path: '/unpacked' },
  config: {
    entrypoint: ['/entry'],
    cmd: ['serve'],
    env: ['FROM=image'],
    workingDir: '/srv',
    user: { uid: 101, gid: 102 },
  },
  size: 1,
  importedAt: '2026-01-01T00:00:00Z',
};

function pod(spec: Partial<Pod['spec']> = {}): Pod {
  return {
    metadata: { name: 'web-0', namespace: 'demo', uid: 'u1', labels: { app: 'web' } },
    spec: { containers: [{ name: 'main', image: 'web:1' }], ...spec },
  };
}

function view(name: string, attempt: number, phase: ContainerPhase): ContainerView {
  const container = { podUid: 'u1', name, attempt, image: 'web:1', imageId: 'sha256:1' } as ContainerState;
  return { id: runId('u1', name, attempt), container, phase, pid: undefined, logFile: '/l' };
}

const running: ContainerPhase = { type: 'running', startedAt: start };
const exited = (exitCode: number, finishedAt = start + 1000): ContainerPhase => ({
  type: 'exited',
  exitCode,
  oomKilled: false,
  startedAt: start,
  finishedAt,
  message: '',
});

describe('a plan', () => {
  const plan = (given: Pod, views: readonly ContainerView[], now = start + 1000) =>
    planPod({ pod: given, views, probes: new Map(), now });
  const names = ({ start: list }: ReturnType<typeof planPod>) =>
    list.map(({ container, attempt }) => `${container.name}/${attempt}`);

  it('runs init containers one after the other, sidecars beside them', () => {
    const given = pod({
      initContainers: [{ name: 'one' }, { name: 'side', restartPolicy: 'Always' }, { name: 'two' }],
    });
    expect(names(plan(given, []))).toEqual(['one/0']);
    const one = view('one', 0, exited(0));
    expect(names(plan(given, [one]))).toEqual(['side/0']);
    const side = view('side', 0, running);
    expect(names(plan(given, [one, side]))).toEqual(['two/0']);
    expect(names(plan(given, [one, side, view('two', 0, exited(0))]))).toEqual(['main/0']);
  });

  it.each([
    ['Always', 0, ['main/1'], undefined],
    ['OnFailure', 1, ['main/1'], undefined],
    ['OnFailure', 0, [], 'Succeeded'],
    ['Never', 0, [], 'Succeeded'],
    ['Never', 3, [], 'Failed'],
  ] as const)('restarts by policy: %s after status %d', (restartPolicy, status, started, over) => {
    const made = plan(pod({ restartPolicy }), [view('main', 0, exited(status))]);
    expect([names(made), made.over]).toEqual([started, over]);
  });

  it('fails with an init container that must not be restarted', () => {
    const given = pod({ initContainers: [{ name: 'one' }], restartPolicy: 'Never' });
    expect(plan(given, [view('one', 0, exited(1))]).over).toBe('Failed');
  });

  it('starts ephemeral containers once, whatever the pod waits for', () => {
    const given = pod({ initContainers: [{ name: 'one' }], ephemeralContainers: [{ name: 'debug' }] });
    expect(names(plan(given, [view('one', 0, running)]))).toEqual(['debug/0']);
    expect(names(plan(given, [view('one', 0, running), view('debug', 0, exited(1))]))).toEqual([]);
    const over = [view('one', 0, exited(0)), view('main', 0, exited(0))];
    expect(names(plan({ ...given, spec: { ...given.spec, restartPolicy: 'Never' } }, over))).toEqual([]);
  });

  it('waits longer before each restart, up to five minutes', () => {
    const delays = [0, 1, 2, 3, 4, 5, 6, 7].map((attempt) =>
      restartDelay([view('main', attempt, exited(1))], 'main'),
    );
    expect(delays).toEqual([0, 10, 20, 40, 80, 160, 300, 300]);
    expect(restartDelay([view('main', 7, exited(1, start + 700_000))], 'main')).toBe(0);
    const waiting = plan(pod(), [view('main', 1, exited(1))]);
    expect([waiting.start, waiting.backOff]).toEqual([
      [],
      [{ name: 'main', until: start + 11_000, seconds: 10 }],
    ]);
    expect(names(plan(pod(), [view('main', 1, exited(1))], start + 11_000))).toEqual(['main/2']);
  });
});

describe('a status', () => {
  const status = (given: Pod, views: readonly ContainerView[], changes: Partial<StatusInput> = {}) => {
    const probes = changes.probes ?? new Map();
    const now = start + 1000;
    return plainStatus({
      pod: given,
      views,
      probes,
      plan: planPod({ pod: given, views, probes, now }),
      waiting: new Map(),
      networks: [{ name: 'n', interface: 'eth0', mac: 'm', default: true, dns: {}, ips: ['10.128.0.5'] }],
      hostIPs: ['192.168.126.11'],
      now,
      ...changes,
    });
  };
  const conditions = ({ conditions: list }: ReturnType<typeof plainStatus>) =>
    Object.fromEntries((list ?? []).map(({ type, status: holds }) => [type, holds]));

  it('of a pod whose image cannot be had has its address', () => {
    const waiting = new Map([['main', { reason: 'ErrImagePull', message: 'import it' }]]);
    const made = status(pod(), [], { waiting });
    expect(made).toMatchObject({ phase: 'Pending', podIP: '10.128.0.5' });
    expect(made.containerStatuses?.[0]).toMatchObject({
      state: { waiting: { reason: 'ErrImagePull' } },
      ready: false,
    });
    expect(conditions(made)).toMatchObject({
      PodReadyToStartContainers: 'True',
      Initialized: 'True',
      Ready: 'False',
    });
  });

  it('of a running pod is ready when its probes say so', () => {
    const main = view('main', 0, running);
    expect(conditions(status(pod(), [main]))).toMatchObject({ Ready: 'True', ContainersReady: 'True' });
    const probes = new Map([[main.id, { started: true, ready: false }]]);
    const unready = status(pod(), [main], { probes });
    expect([unready.phase, conditions(unready)['Ready']]).toEqual(['Running', 'False']);
  });

  it("of a pod in the network of its node has the node's addresses", () => {
    const made = status(pod({ hostNetwork: true }), [view('main', 0, running)], { networks: [] });
    expect(made).toMatchObject({ podIP: '192.168.126.11', hostIP: '192.168.126.11', phase: 'Running' });
    expect(conditions(made)).toMatchObject({ PodReadyToStartContainers: 'True', Ready: 'True' });
  });

  it('of an ephemeral container stands by itself', () => {
    const given = pod({ ephemeralContainers: [{ name: 'debug', image: 'web:1' }] });
    const made = status(given, [view('main', 0, running), view('debug', 0, exited(1))]);
    expect(made.phase).toBe('Running');
    expect(conditions(made)['Ready']).toBe('True');
    expect(made.ephemeralContainerStatuses).toMatchObject([
      { name: 'debug', ready: false, restartCount: 0, state: { terminated: { exitCode: 1 } } },
    ]);
  });

  it('of a container that crashes in a loop', () => {
    const made = status(pod(), [view('main', 0, exited(1)), view('main', 1, exited(2))]);
    expect(made.phase).toBe('Running');
    expect(made.containerStatuses?.[0]).toMatchObject({
      restartCount: 1,
      state: {
        waiting: {
          reason: 'CrashLoopBackOff',
          message: 'back-off 10s restarting failed container=main pod=web-0_demo(u1)',
        },
      },
      lastState: { terminated: { exitCode: 2, reason: 'Error' } },
    });
  });

  it('of a pod that is through', () => {
    const made = status(pod({ restartPolicy: 'Never' }), [view('main', 0, exited(0))]);
    expect(made).toMatchObject({
      phase: 'Succeeded',
      containerStatuses: [{ state: { terminated: { reason: 'Completed', exitCode: 0 } } }],
    });
    expect(made.conditions?.find(({ type }) => type === 'Ready')?.reason).toBe('PodCompleted');
  });

  it('waits for init containers', () => {
    const given = pod({ initContainers: [{ name: 'one' }] });
    const made = status(given, [view('one', 0, running)]);
    expect(made.phase).toBe('Pending');
    expect(made.containerStatuses?.[0]?.state).toEqual({ waiting: { reason: 'PodInitializing' } });
    expect(made.conditions?.find(({ type }) => type === 'Initialized')).toMatchObject({
      status: 'False',
      message: 'containers with incomplete status: [one]',
    });
  });
});

describe('a container', () => {
  const compose = (
    container: Partial<EphemeralContainer>,
    spec: Partial<Pod['spec']> = {},
    of = image,
    views: readonly ContainerView[] = [],
  ) =>
    composeContainer({
      pod: pod(spec),
      container: { name: 'main', image: 'web:1', ...container },
      attempt: 0,
      netns: 'lab.node1.u1',
      facts,
      sources,
      image: of,
      volumes: new Map([['data', '/vol/data']]),
      etc: '/pod/etc',
      views,
      table: undefined,
    });

  it('takes command, variables and user from the image unless told otherwise', () => {
    expect(compose({})).toMatchObject({
      argv: ['/entry', 'serve'],
      cwd: '/srv',
      user: { uid: 101, gid: 102 },
    });
    expect(compose({ args: ['other'] }).argv).toEqual(['/entry', 'other']);
    expect(
      compose({ command: ['sh', '-c', 'echo $(A) $$(A) $(B)'], env: [{ name: 'A', value: '1' }] }).argv,
    ).toEqual(['sh', '-c', 'echo 1 $(A) $(B)']);
    expect(compose({}).env).toContain('FROM=image');
    expect(compose({ securityContext: { runAsUser: 7 } }).user).toEqual({ uid: 7, gid: 0, groups: [] });
  });

  it('has variables of fields, resources and objects', () => {
    const { env } = compose({
      resources: { limits: { cpu: '1500m' } },
      env: [
        { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        { name: 'APP', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
        { name: 'CM', valueFrom: { configMapKeyRef: { name: 'cm', key: 'a' } } },
        { name: 'NONE', valueFrom: { configMapKeyRef: { name: 'cm', key: 'b', optional: true } } },
      ],
    });
    expect(env).toEqual(expect.arrayContaining(['IP=10.128.0.5', 'APP=web', 'CM=hello']));
    expect(env.some((one) => one.startsWith('NONE='))).toBe(false);
  });

  it('has variables of services and of the API server as the node reaches it', () => {
    const { env } = compose({ env: [{ name: 'URL', value: 'http://$(MY_WEB_SERVICE_HOST)' }] });
    expect(env.filter((one) => /^(KUBERNETES|MY_WEB|HEADLESS|URL)/.test(one)).sort()).toEqual([
      'KUBERNETES_PORT=tcp://192.168.126.1:6443',
      'KUBERNETES_PORT_6443_TCP=tcp://192.168.126.1:6443',
      'KUBERNETES_PORT_6443_TCP_ADDR=192.168.126.1',
      'KUBERNETES_PORT_6443_TCP_PORT=6443',
      'KUBERNETES_PORT_6443_TCP_PROTO=tcp',
      'KUBERNETES_SERVICE_HOST=192.168.126.1',
      'KUBERNETES_SERVICE_PORT=6443',
      'KUBERNETES_SERVICE_PORT_HTTPS=6443',
      'MY_WEB_PORT=tcp://172.30.0.9:80',
      'MY_WEB_PORT_80_TCP=tcp://172.30.0.9:80',
      'MY_WEB_PORT_80_TCP_ADDR=172.30.0.9',
      'MY_WEB_PORT_80_TCP_PORT=80',
      'MY_WEB_PORT_80_TCP_PROTO=tcp',
      'MY_WEB_SERVICE_HOST=172.30.0.9',
      'MY_WEB_SERVICE_PORT=80',
      'MY_WEB_SERVICE_PORT_HTTP=80',
      'URL=http://172.30.0.9',
    ]);
  });

  it.each([
    [
      { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'gone', key: 'a' } } }] },
      'configmap "gone" not found',
    ],
    [
      { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'a' } } }] },
      "couldn't find key a in Secret demo/s",
    ],
    [{ securityContext: { privileged: true } }, 'privileged: true is refused'],
    [{ securityContext: { capabilities: { add: ['SYS_ADMIN'] } } }, 'capability SYS_ADMIN is refused'],
    [{ volumeMounts: [{ name: 'data', mountPath: '/d', subPath: '../x' }] }, 'without ".."'],
  ] as const)('is refused with a reason: %o', (container, why) => {
    expect(() => compose(container as Partial<Container>)).toThrow(why);
  });

  it("has no rights over its node's network unless it asks for them", () => {
    expect(compose({}).capabilities).toContain('CAP_NET_RAW');
    expect(
      compose({}, { hostNetwork: true }).capabilities.filter((one) => one.startsWith('CAP_NET_')),
    ).toEqual(['CAP_NET_BIND_SERVICE']);
    const asking = compose(
      { securityContext: { capabilities: { add: ['NET_RAW'] } } },
      { hostNetwork: true },
    );
    expect(asking.capabilities).toContain('CAP_NET_RAW');
  });

  it('shares the process table of the container it is to look at, once that runs', () => {
    const target = view('web', 0, running);
    const debug = { name: 'debug', targetContainerName: 'web' };
    expect(compose(debug, {}, image, [target])).toMatchObject({ name: 'debug', processesOf: target.id });
    expect(compose({}, {}, image, [target])).not.toHaveProperty('processesOf');
    expect(() => compose(debug, {}, image, [view('web', 0, exited(0))])).toThrow(
      'unable to find target container web',
    );
  });

  it('must not be root when that is asked for', () => {
    const root = { ...image, config: { ...image.config, user: { uid: 0, gid: 0 } } };
    expect(() => compose({ securityContext: { runAsNonRoot: true } }, {}, root)).toThrow(
      'image will run as root',
    );
  });

  it('is limited as asked', () => {
    const { resources } = compose({
      resources: { limits: { cpu: '500m', memory: '64Mi' }, requests: { cpu: '250m' } },
    });
    expect(resources).toMatchObject({ cpuShares: 256, cpuQuota: 50_000, memory: 64 * 1024 * 1024 });
  });

  it("sees the machine's programs read-only, with room for temporary files", () => {
    const host: ContainerImage = {
      ...image,
      root: { type: 'host' },
      config: { ...image.config, entrypoint: [] },
    };
    const made = compose({}, {}, host);
    expect(made.readOnlyRoot).toBe(true);
    expect(made.mounts.filter(({ type }) => type === 'tmpfs').map(({ destination }) => destination)).toEqual([
      '/tmp',
      '/run',
      '/var/tmp',
    ]);
  });
});

describe('volumes and files', () => {
  it('hold what objects hold', () => {
    const volumes = composeVolumes({
      pod: pod({
        volumes: [
          { name: 'e', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
          { name: 'c', configMap: { name: 'cm' } },
          { name: 's', secret: { secretName: 's', items: [{ key: 'key', path: 'sub/k', mode: 0o400 }] } },
          {
            name: 'd',
            downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] },
          },
        ],
      }),
      facts,
      sources,
    });
    expect(volumes).toEqual([
      { name: 'e', type: 'memory', size: 1024 * 1024 },
      { name: 'c', type: 'files', files: [{ path: 'a', mode: 0o644, content: Buffer.from('hello') }] },
      { name: 's', type: 'files', files: [{ path: 'sub/k', mode: 0o400, content: Buffer.from([0, 255]) }] },
      {
        name: 'd',
        type: 'files',
        files: [{ path: 'labels', mode: 0o644, content: Buffer.from('app="web"') }],
      },
    ]);
  });

  it('hold the token of a service account, closed to all but the group of the files when there is one', () => {
    const volume = {
      name: 'kube-api-access-x',
      projected: {
        defaultMode: 0o644,
        sources: [{ serviceAccountToken: { expirationSeconds: 3607, path: 'token' } }],
      },
    };
    const made = (securityContext: object) =>
      composeVolumes({ pod: pod({ volumes: [volume], securityContext }), facts, sources })[0]?.files;
    const content = Buffer.from('TOKEN');
    expect(made({})).toEqual([{ path: 'token', mode: 0o644, content }]);
    expect(made({ fsGroup: 5 })).toEqual([{ path: 'token', mode: 0o600, content }]);
  });

  it('that are missing or not supported are named', () => {
    const compose = (volume: object) =>
      composeVolumes({ pod: pod({ volumes: [{ name: 'v', ...volume }] }), facts, sources });
    expect(() => compose({ configMap: { name: 'gone' } })).toThrow('volume "v" : configmap "gone" not found');
    expect(() => compose({ hostPath: { path: '/' } })).toThrow('hostPath is not supported on this node');
  });

  it("of a pod in the network of its node are the node's", () => {
    const made = (dnsPolicy: 'ClusterFirst' | 'ClusterFirstWithHostNet') =>
      composeEtc(pod({ hostNetwork: true, nodeName: 'node1', dnsPolicy }), ['192.168.126.11'], {
        dnsServers: ['192.0.2.53'],
        clusterDomain: 'cluster.local',
      });
    expect(made('ClusterFirst')).toMatchObject({
      hostname: 'node1\n',
      hosts: expect.stringContaining('192.168.126.11\tnode1'),
      'resolv.conf': 'nameserver 192.0.2.53\n',
    });
    expect(made('ClusterFirstWithHostNet')['resolv.conf']).toContain('search demo.svc.cluster.local');
  });

  it('keep lines lines', () => {
    const made = composeEtc(pod({ dnsConfig: { searches: ['a\nnameserver 6.6.6.6'] } }), ['10.128.0.5'], {
      dnsServers: ['192.0.2.53'],
      clusterDomain: 'cluster.local',
    });
    expect(made['resolv.conf']?.split('\n').filter((line) => line.startsWith('nameserver'))).toEqual([
      'nameserver 192.0.2.53',
    ]);
    expect(made['hosts']).toContain('10.128.0.5\tweb-0');
  });

  it('expand only what is known', () => {
    expect(expand('$(A)$(B)$$(A)$', new Map([['A', '1']]))).toBe('1$(B)$(A)$');
    const memory = { resource: 'limits.memory', divisor: '1Mi' };
    const value = (container: object, whole: object) =>
      resourceValue({ name: 'm', ...container }, { resources: whole }, facts, memory);
    expect(value({}, {})).toBe('1024');
    expect(value({}, { limits: { memory: '64Mi' } })).toBe('64');
    expect(value({ resources: { limits: { memory: '32Mi' } } }, { limits: { memory: '64Mi' } })).toBe('32');
  });
});
