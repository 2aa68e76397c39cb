import { describe, expect, test } from 'vitest';
import { replicaSet } from '#api/apps/replica-set.ts';
import { job } from '#api/batch/job.ts';
import { node } from '#api/core/node.ts';
import { pod as podKind } from '#api/core/pod.ts';
import { replicationController } from '#api/core/replication-controller.ts';
import type { KindDefinition } from '#api/kind.ts';
import type { KubeObject } from '#api/meta.ts';
import { parseFieldSelector } from './fields.ts';
import { parseLabelSelector } from './labels.ts';

describe('parseLabelSelector', () => {
  const labels = { app: 'web', tier: 'front', n: '5', in: 'x', empty: '' };
  test.each<[string, boolean]>([
    ['', true],
    ['app=web', true],
    ['app==web', true],
    ['app = db', false],
    ['app!=db', true],
    ['gone!=db', true],
    ['app in (web,db),tier', true],
    ['app in ( db )', false],
    ['app notin (web)', false],
    ['gone notin (web)', true],
    ['!gone', true],
    ['! app', false],
    ['app,tier', true],
    ['n>4', true],
    ['n<5', false],
    ['app>1', false],
    ['in=x', true],
    ['in in (x)', true],
    ['empty=', true],
    ['empty in (,a)', true],
    ['empty=,app=web', true],
    ['gone=', false],
    ['example.com/a=b', false],
  ])('%s', (text, expected) => {
    expect(parseLabelSelector(text)(labels)).toBe(expected);
  });

  test('an object without labels', () => {
    expect(parseLabelSelector('!a')(undefined)).toBe(true);
    expect(parseLabelSelector('a')(undefined)).toBe(false);
    expect(parseLabelSelector('constructor')({})).toBe(false);
  });

  test.each([
    ['app=(', "unable to parse requirement: found '(', expected: identifier"],
    ['app in', "unable to parse requirement: found '' expected: '('"],
    ['app in (', "unable to parse requirement: found '', expected: ',', ')' or identifier"],
    [
      'app in ()',
      "unable to parse requirement: values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty",
    ],
    ['app in (a', "unable to parse requirement: found '', expected: ',' or ')'"],
    ['app,', "found '', expected: identifier after ','"],
    ['app=a b', "found 'b', expected: ',' or 'end of string'"],
    [',', "found ',', expected: !, identifier, or 'end of string'"],
    ['app like x', "unable to parse requirement: found 'like', expected: in, notin, =, ==, !=, gt, lt"],
    ['!', "unable to parse requirement: found '', expected: identifier"],
  ])('refuses %s', (text, message) => {
    expect(() => parseLabelSelector(text)).toThrow(
      expect.objectContaining({ reason: 'BadRequest', message }),
    );
  });

  test('refuses bad keys and values', () => {
    expect(() => parseLabelSelector('a/b/c=d')).toThrow(
      'unable to parse requirement: key: Invalid value: "a/b/c": a qualified name',
    );
    expect(() => parseLabelSelector('a=-')).toThrow(
      'unable to parse requirement: values[0][a]: Invalid value: "-": a valid label',
    );
  });
});

describe('parseFieldSelector', () => {
  const pod = { builtin: true, selectableFields: ['spec.nodeName', 'spec.hostNetwork'] };
  const object = {
    metadata: { name: 'a', namespace: 'n' },
    spec: { nodeName: 'x,y', hostNetwork: true },
  } as KubeObject;
  test.each<[string, boolean]>([
    ['', true],
    ['metadata.name=a', true],
    ['metadata.name==b', false],
    ['metadata.namespace!=n', false],
    ['metadata.name=a,spec.nodeName=x\\,y', true],
    ['spec.nodeName!=', true],
    ['spec.hostNetwork=true', true],
    ['metadata.name=a,metadata.namespace=m', false],
  ])('%s', (text, expected) => {
    expect(parseFieldSelector(text, pod)(object)).toBe(expected);
  });

  test.each<[KindDefinition, string, unknown]>([
    [node, 'spec.unschedulable=false', {}],
    [node, 'spec.unschedulable=true', { spec: { unschedulable: true } }],
    [podKind, 'spec.hostNetwork=false', { spec: {} }],
    [job, 'status.successful=0', { status: {} }],
    [job, 'status.successful=2', { status: { succeeded: 2 } }],
    [replicaSet, 'status.replicas=0', {}],
    [replicationController, 'status.replicas=0', {}],
  ])('%o: %s finds what Go would print so', (kind, text, fields) => {
    const one = { metadata: { name: 'a' }, ...(fields as object) } as KubeObject;
    expect(parseFieldSelector(text, kind)(one)).toBe(true);
  });

  test.each<[string, { builtin: boolean; selectableFields?: string[] }, string]>([
    [
      'metadata.nonsense=one',
      { builtin: true },
      '"metadata.nonsense" is not a known field selector: only "metadata.name", "metadata.namespace"',
    ],
    ['metadata.nonsense=one', { builtin: false }, 'field label not supported: metadata.nonsense'],
    ['metadata.nonsense=one', pod, 'field label not supported: metadata.nonsense'],
    ['metadata.name', pod, "invalid selector: 'metadata.name'; can't understand 'metadata.name'"],
    ['metadata.name=a=b', pod, 'invalid field selector: unescaped character in value: ='],
  ])('refuses %s', (text, kind, message) => {
    expect(() => parseFieldSelector(text, kind)).toThrow(
      expect.objectContaining({ reason: 'BadRequest', message }),
    );
  });
});
