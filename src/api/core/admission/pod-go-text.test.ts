import { expect, test } from 'vitest';
import { unifiedDiff } from '../../unified-diff.ts';
import type { PodSpec } from '../pod-spec.ts';
import { podUpdateCauses } from './pod-update.ts';

const sources = [
  { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
  { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
  {
    downwardAPI: {
      items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
    },
  },
];
const spec = {
  nodeSelector: { nowhere: 'true' },
  containers: [
    {
      name: 'main',
      image: 'example.com/none:2',
      env: [{ name: 'A', value: '1' }],
      ports: [{ containerPort: 8080, protocol: 'TCP' }],
      resources: { requests: { cpu: '100m', memory: '64Mi' } },
      volumeMounts: [{ name: 'token', readOnly: true, mountPath: '/var/run/secrets' }],
    },
  ],
  volumes: [{ name: 'token', projected: { defaultMode: 420, sources } }],
  restartPolicy: 'Always',
  terminationGracePeriodSeconds: 30,
  dnsPolicy: 'ClusterFirst',
} as unknown as PodSpec;

test('a forbidden change is shown as kube-apiserver shows it, at the same line', () => {
  const [found] = podUpdateCauses({ ...spec, restartPolicy: 'Never' }, spec);
  expect(found?.message.split('\n').slice(1)).toEqual([
    '@@ -150,7 +150,7 @@',
    '   }',
    '  ],',
    '  "EphemeralContainers": null,',
    '- "RestartPolicy": "Always",',
    '+ "RestartPolicy": "Never",',
    '  "TerminationGracePeriodSeconds": 30,',
    '  "ActiveDeadlineSeconds": null,',
    '  "DNSPolicy": "ClusterFirst",',
    '',
  ]);
});

test.each<[string, string, string]>([
  ['a', 'a', ''],
  ['a\nb', 'a\nc', '@@ -1,2 +1,2 @@\n a\n-b\n+c\n'],
  ['a', 'a\nb', '@@ -1 +1,2 @@\n a\n+b\n'],
  [
    '1\n2\n3\n4\n5\n6\n7\n8\n9',
    'x\n2\n3\n4\n5\n6\n7\n8\ny',
    '@@ -1,4 +1,4 @@\n-1\n+x\n 2\n 3\n 4\n@@ -6,4 +6,4 @@\n 6\n 7\n 8\n-9\n+y\n',
  ],
])('unifiedDiff(%j, %j)', (before, after, diff) => {
  expect(unifiedDiff(before, after)).toBe(diff);
});
