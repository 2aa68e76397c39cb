import { describe, expect, it } from 'vitest';
import { deployment } from '#api/apps/deployment.ts';
import { lease } from '#api/coordination.k8s.io/lease.ts';
import { configMap } from '#api/core/config-map.ts';
import { pod } from '#api/core/pod.ts';
import { secret } from '#api/core/secret.ts';
import { service } from '#api/core/service.ts';
import type { KindDefinition } from '#api/kind.ts';
import { conversionFault, decodeFault, goText } from './go-decode.ts';

const metadata = { name: 'a' };
const withContainer = (fields: object) => ({
  metadata,
  spec: { containers: [{ name: 'c', image: 'i', ...fields }] },
});
const cannot = (what: string, field: string, type: string) =>
  `json: cannot unmarshal ${what} into Go struct field ${field} of type ${type}`;
const format = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

describe('decodeFault', () => {
  it.each<[KindDefinition, object, string | undefined]>([
    [configMap, { metadata, data: { x: 'y', z: null } }, undefined],
    [configMap, { metadata, data: { x: 1 } }, cannot('number', 'ConfigMap.data', 'string')],
    [configMap, { metadata, data: 'x' }, cannot('string', 'ConfigMap.data', 'map[string]string')],
    [
      configMap,
      { metadata: { labels: { a: true } } },
      cannot('bool', 'ObjectMeta.metadata.labels', 'string'),
    ],
    [configMap, { metadata: 'x' }, cannot('string', 'ConfigMap.metadata', 'v1.ObjectMeta')],
    [configMap, { binaryData: { a: '?' } }, 'illegal base64 data at input byte 0'],
    [secret, { data: { a: 'hello world' } }, 'illegal base64 data at input byte 5'],
    [secret, { data: { a: 'abcde' } }, 'illegal base64 data at input byte 4'],
    [secret, { data: { a: 'YQ==', b: 'YWI=', c: 'YWJj', d: '', e: 'YW\nJj' } }, undefined],
    [secret, { data: { a: 'YQ=' } }, 'illegal base64 data at input byte 3'],
    [secret, { data: { a: 'YQ==x' } }, 'illegal base64 data at input byte 4'],
    [secret, { data: { a: 1 } }, cannot('number', 'Secret.data', '[]uint8')],
    [deployment, { spec: { replicas: '3' } }, cannot('string', 'DeploymentSpec.spec.replicas', 'int32')],
    [deployment, { spec: { replicas: 1.5 } }, cannot('number 1.5', 'DeploymentSpec.spec.replicas', 'int32')],
    [deployment, { spec: { strategy: { rollingUpdate: { maxSurge: '25%' } } } }, undefined],
    [
      deployment,
      { spec: { strategy: { rollingUpdate: { maxSurge: true } } } },
      'json: cannot unmarshal bool into Go value of type int32',
    ],
    [
      deployment,
      { spec: { template: withContainer({ env: [{ name: 'x', value: 5 }] }) } },
      cannot('number', 'EnvVar.spec.template.spec.containers.env.value', 'string'),
    ],
    [
      pod,
      withContainer({ ports: '80' }),
      cannot('string', 'Container.spec.containers.ports', '[]v1.ContainerPort'),
    ],
    [
      pod,
      withContainer({ command: 'sh' }),
      cannot('string', 'Container.spec.containers.command', '[]string'),
    ],
    [pod, withContainer({ command: [1] }), cannot('number', 'Container.spec.containers.command', 'string')],
    [
      pod,
      withContainer({ ports: [{ containerPort: '80' }] }),
      cannot('string', 'ContainerPort.spec.containers.ports.containerPort', 'int32'),
    ],
    [pod, { spec: { hostNetwork: 'true' } }, cannot('string', 'PodSpec.spec.hostNetwork', 'bool')],
    [
      pod,
      { spec: { containers: { name: 'a' } } },
      cannot('object', 'PodSpec.spec.containers', '[]v1.Container'),
    ],
    [pod, { spec: [] }, cannot('array', 'Pod.spec', 'v1.PodSpec')],
    [pod, { spec: { restartPolicy: 1 } }, cannot('number', 'PodSpec.spec.restartPolicy', 'v1.RestartPolicy')],
    [pod, withContainer({ resources: { limits: { cpu: '0.5', memory: '1.5Gi', x: 1e3 } } }), undefined],
    [pod, withContainer({ resources: { limits: { memory: '1GB' } } }), format],
    [pod, withContainer({ resources: { limits: { memory: 'much' } } }), format],
    [pod, withContainer({ resources: { limits: { memory: '1MM' } } }), "unable to parse quantity's suffix"],
    [
      pod,
      withContainer({ resources: { limits: 'x' } }),
      cannot('string', 'ResourceRequirements.spec.containers.resources.limits', 'v1.ResourceList'),
    ],
    [service, { spec: { ports: [{ port: 80, targetPort: 'http' }] } }, undefined],
    [
      service,
      { spec: { ports: [{ port: '80' }] } },
      cannot('string', 'ServicePort.spec.ports.port', 'int32'),
    ],
    [
      lease,
      { spec: { acquireTime: 'x' } },
      'parsing time "x" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "x" as "2006"',
    ],
    [lease, { spec: { renewTime: '2026-11-28T16:00:00.000001Z' } }, undefined],
  ])('%#: as %o', (kind, object, fault) => {
    expect(decodeFault(kind, object)).toBe(fault);
  });
});

describe('conversionFault', () => {
  it.each<[KindDefinition, object, string | undefined]>([
    [configMap, { data: { x: 1 } }, 'cannot convert int64 to string'],
    [configMap, { data: { x: true } }, 'unrecognized type: string'],
    [configMap, { data: 'x' }, 'cannot restore map from string'],
    [deployment, { spec: { replicas: '3' } }, 'unrecognized type: int32'],
    [deployment, { spec: { replicas: 3 } }, undefined],
    [pod, { spec: { containers: 'x' } }, 'cannot restore slice from string'],
    [pod, { spec: 'x' }, 'cannot restore struct from: string'],
  ])('%#: as %o', (kind, object, fault) => {
    expect(conversionFault(kind, object)).toBe(fault);
  });
});

it('goText prints maps as Go does', () => {
  expect(goText({ b: [1, 'x', null], a: { c: true } })).toBe('map[a:map[c:true] b:[1 x <nil>]]');
});
