import { describe, expect, it } from 'vitest';
import { humanDuration } from '../columns.ts';
import type { KindDefinition } from '../kind.ts';
import { kinds } from '../kinds.ts';
import type { KubeObject } from '../meta.ts';
import { briefly, requestFor } from '../testing.ts';
import { type ConfigMap, configMap } from './config-map.ts';
import { type Event, event } from './event.ts';
import { namespace } from './namespace.ts';
import { type Node, node } from './node.ts';
import type { Pod } from './pod.ts';
import { type Secret, secret } from './secret.ts';
import { type Service, service } from './service.ts';

const metadata = { name: 'a', namespace: 'ns' };
const now = new Date('2026-01-01T01:00:00Z');
const cells = (kind: KindDefinition, object: KubeObject) =>
  kind.columns.filter(({ value }) => value).map(({ name, value }) => `${name}=${value?.(object, now)}`);

describe('services', () => {
  const serviceOf = (spec: Service['spec']): Service => ({
    metadata,
    spec: { type: 'ClusterIP', sessionAffinity: 'None', ...spec },
  });
  const admit = (object: Service) => service.mutate?.(requestFor(object)) ?? object;
  const causesOf = (object: Service, old?: Service) =>
    briefly(
      service.validate?.(requestFor(object, old === undefined ? {} : { operation: 'UPDATE', old })) ?? [],
    );

  it('get upstream defaults', () => {
    const { spec } = admit(serviceOf({ selector: { app: 'web' }, ports: [{ port: 80 }] }));
    expect(spec).toMatchObject({
      internalTrafficPolicy: 'Cluster',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      ports: [{ port: 80, targetPort: 80 }],
    });
    expect(admit(serviceOf({ type: 'NodePort', ports: [{ port: 80 }] })).spec.externalTrafficPolicy).toBe(
      'Cluster',
    );
    expect(admit(serviceOf({ clusterIP: 'fd00::1', ports: [{ port: 80 }] })).spec.ipFamilies).toEqual([
      'IPv6',
    ]);
  });

  it('tell all that is wrong, in the order of upstream', () => {
    const object = admit(
      serviceOf({ type: 'Sometimes' as 'ClusterIP', ports: [{ port: 70000 }, { port: 80 }] }),
    );
    expect(causesOf(object)).toEqual([
      'Required spec.ports[0].name',
      'Invalid spec.ports[0].port',
      'Invalid spec.ports[0].targetPort',
      'Required spec.ports[1].name',
      'NotSupported spec.type',
    ]);
  });

  it.each<readonly [string, Service['spec'], readonly string[]]>([
    ['no ports', {}, ['Required spec.ports']],
    ['headless without ports', { clusterIP: 'None' }, []],
    [
      'nodePort of a ClusterIP',
      { ports: [{ port: 80, nodePort: 30000 }] },
      ['Forbidden spec.ports[0].nodePort'],
    ],
    [
      'nodePort 80',
      { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] },
      ['Invalid spec.ports[0].nodePort'],
    ],
    [
      'the documented NodePort',
      { type: 'NodePort', ports: [{ port: 80, targetPort: 9376, nodePort: 30000 }] },
      [],
    ],
    [
      'ports twice',
      {
        ports: [
          { name: 'a', port: 80 },
          { name: 'b', port: 80 },
        ],
      },
      ['Duplicate spec.ports[1]'],
    ],
    ['no external name', { type: 'ExternalName' }, ['Required spec.externalName']],
    ['address that is none', { clusterIP: 'x', ports: [{ port: 80 }] }, ['Invalid spec.clusterIPs[0]']],
  ])('%s', (_what, spec, causes) => {
    expect(causesOf(serviceOf(spec))).toEqual(causes);
  });

  it('keep their address', () => {
    const old = serviceOf({ clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'], ports: [{ port: 80 }] });
    const moved = serviceOf({ clusterIP: '10.96.0.2', clusterIPs: ['10.96.0.2'], ports: [{ port: 80 }] });
    expect(causesOf(moved, old)).toEqual(['Invalid spec.clusterIPs[0]']);
    expect(causesOf(old, old)).toEqual([]);
  });

  it('keep what was handed out when an update leaves it out', () => {
    const old = admit(
      serviceOf({
        type: 'NodePort',
        clusterIP: '10.96.0.1',
        ports: [{ port: 80, nodePort: 30123, protocol: 'TCP' }],
      }),
    );
    const object = serviceOf({ type: 'NodePort', ports: [{ port: 80, protocol: 'TCP' }] });
    expect(service.mutate?.(requestFor(object, { operation: 'UPDATE', old })).spec).toEqual(old.spec);
  });

  it('have upstream columns', () => {
    const object = serviceOf({
      type: 'NodePort',
      clusterIP: '10.96.0.1',
      ports: [{ port: 80, nodePort: 30000, protocol: 'TCP' }],
      selector: { b: '2', a: '1' },
    });
    expect(cells(service, object)).toEqual([
      'Type=NodePort',
      'Cluster-IP=10.96.0.1',
      'External-IP=<none>',
      'Port(s)=80:30000/TCP',
      'Selector=a=1,b=2',
    ]);
  });
});

describe('ConfigMaps and Secrets', () => {
  const causesOf = (kind: KindDefinition, object: KubeObject, old?: KubeObject) =>
    briefly(kind.validate?.(requestFor(object, old === undefined ? {} : { operation: 'UPDATE', old })) ?? []);

  it.each<
    readonly [string, KindDefinition, ConfigMap | Secret, ConfigMap | Secret | undefined, readonly string[]]
  >([
    [
      'good keys',
      configMap,
      { metadata, data: { 'a.b_c-D': 'x' }, binaryData: { e: 'eA==' } },
      undefined,
      [],
    ],
    ['bad key', configMap, { metadata, data: { 'a/b': 'x' } }, undefined, ['Invalid data[a/b]']],
    ['key ..', configMap, { metadata, data: { '..': 'x' } }, undefined, ['Invalid data[..]']],
    [
      'key in both',
      configMap,
      { metadata, data: { a: 'x' }, binaryData: { a: 'eA==' } },
      undefined,
      ['Invalid data[a]'],
    ],
    ['broken base64', configMap, { metadata, binaryData: { a: 'x' } }, undefined, ['Invalid binaryData[a]']],
    ['too large', configMap, { metadata, data: { a: 'x'.repeat(1024 * 1024 + 1) } }, undefined, ['TooLong ']],
    [
      'frozen',
      configMap,
      { metadata, immutable: true, data: { a: '2' } },
      { metadata, immutable: true, data: { a: '1' } },
      ['Forbidden data'],
    ],
    [
      'thawed',
      configMap,
      { metadata, data: { a: '1' } },
      { metadata, immutable: true, data: { a: '1' } },
      ['Forbidden immutable'],
    ],
    ['type changed', secret, { metadata, type: 'b' }, { metadata, type: 'a' }, ['Invalid type']],
    [
      'TLS without key',
      secret,
      { metadata, type: 'kubernetes.io/tls', data: { 'tls.crt': '' } },
      undefined,
      ['Required data[tls.key]'],
    ],
    ['broken base64', secret, { metadata, type: 'Opaque', data: { a: 'x' } }, undefined, ['Invalid data[a]']],
  ])('%s: %#', (_what, kind, object, old, causes) => {
    expect(causesOf(kind, object, old)).toEqual(causes);
  });

  it('stringData becomes data', () => {
    const given: Secret = { metadata, data: { a: 'eA==' }, stringData: { b: 'é' } };
    expect(secret.mutate?.(requestFor(given))).toEqual({
      metadata,
      type: 'Opaque',
      data: { a: 'eA==', b: 'w6k=' },
    });
  });

  it('a refusal does not show the secret', () => {
    const causes =
      secret.validate?.(requestFor({ metadata, type: 'Opaque', data: { a: 'hush' + '!' } })) ?? [];
    expect(JSON.stringify(causes)).not.toContain('hush');
  });
});

describe('other kinds', () => {
  it('a namespace gets its label, finalizer and phase', () => {
    expect(namespace.mutate?.(requestFor({ metadata: { name: 'conf' } }))).toEqual({
      metadata: { name: 'conf', labels: { 'kubernetes.io/metadata.name': 'conf' } },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    });
  });

  it('columns of nodes', () => {
    const object: Node = {
      metadata: { name: 'node1', labels: { 'node-role.kubernetes.io/worker': '' } },
      spec: { unschedulable: true },
      status: {
        conditions: [{ type: 'Ready', status: 'True' }],
        addresses: [{ type: 'InternalIP', address: '192.0.2.1' }],
      },
    };
    expect(cells(node, object).slice(0, 4)).toEqual([
      'Status=Ready,SchedulingDisabled',
      'Roles=worker',
      'Version=',
      'Internal-IP=192.0.2.1',
    ]);
  });

  it('columns of events', () => {
    const object: Event = {
      metadata,
      involvedObject: { kind: 'VirtualMachine', name: 'vm' },
      type: 'Warning',
      reason: 'Failed',
      message: 'it failed\n',
      lastTimestamp: '2026-01-01T00:59:00Z',
      count: 3,
      source: { component: 'agent', host: 'node1' },
    };
    expect(cells(event, object)).toEqual([
      'Last Seen=60s',
      'Type=Warning',
      'Reason=Failed',
      'Object=virtualmachine/vm',
      'Subobject=',
      'Source=agent, node1',
      'Message=it failed',
      'First Seen=<unknown>',
      'Count=3',
      'Name=a',
    ]);
  });

  it.each([
    [-5, '<invalid>'],
    [0, '0s'],
    [119, '119s'],
    [120, '2m'],
    [200, '3m20s'],
    [3600, '60m'],
    [10800, '3h'],
    [12000, '3h20m'],
    [86400, '24h'],
    [200000, '2d7h'],
    [8 * 86400, '8d'],
    [800 * 86400, '2y70d'],
    [4000 * 86400, '10y'],
  ])('%i seconds are %s', (seconds, text) => {
    expect(humanDuration(seconds)).toBe(text);
  });

  it('every kind is listed once and can be told apart', () => {
    expect(new Set(kinds.map(({ group, plural }) => `${plural}.${group}`)).size).toBe(kinds.length);
    for (const { columns, builtin, singular, kind } of kinds) {
      expect(singular).toBe(kind.toLowerCase() === singular ? singular : 'network-attachment-definition');
      for (const { value, jsonPath } of columns)
        expect(jsonPath !== undefined || (builtin && value !== undefined)).toBe(true);
    }
  });

  it('types follow the schemas', () => {
    const policy: Pod['spec']['restartPolicy'] = 'Always';
    // @ts-expect-error a word that the schema does not have
    const wrong: Pod['spec']['restartPolicy'] = 'Sometimes';
    // @ts-expect-error a field that the schema does not have
    const stray: ConfigMap = { metadata, dta: {} };
    expect([policy, wrong, stray]).toHaveLength(3);
  });
});
