import { describe, expect, it } from 'vitest';
import { briefly, requestFor } from '../testing.ts';
import type { MutatingWebhook } from './mutating-webhook-configuration.ts';
import { type PolicySpec, validatingAdmissionPolicy } from './validating-admission-policy.ts';
import { type BindingSpec, validatingAdmissionPolicyBinding } from './validating-admission-policy-binding.ts';
import { validatingWebhookConfiguration } from './validating-webhook-configuration.ts';

const metadata = { name: 'one' };
const rule = { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] };
const webhook: MutatingWebhook = {
  name: 'pods.example.com',
  clientConfig: { url: 'https://127.0.0.1:1/x' },
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
  rules: [rule],
};

describe('webhooks', () => {
  const causes = (change: Partial<MutatingWebhook>, ...more: readonly MutatingWebhook[]) =>
    briefly(
      validatingWebhookConfiguration.validate?.(
        requestFor({ metadata, webhooks: [{ ...webhook, ...change }, ...more] }),
      ) ?? [],
    );

  it.each<[string, Partial<MutatingWebhook>, readonly string[]]>([
    ['a good one', {}, []],
    ['short name', { name: 'pods.example' }, ['Invalid webhooks[0].name']],
    ['no scheme', { clientConfig: { url: 'http://a/x' } }, ['Invalid webhooks[0].clientConfig.url']],
    ['a query', { clientConfig: { url: 'https://a/x?y=1' } }, ['Invalid webhooks[0].clientConfig.url']],
    ['nowhere', { clientConfig: {} }, ['Required webhooks[0].clientConfig']],
    [
      'service path and port',
      { clientConfig: { service: { name: 's', namespace: 'n', path: 'x', port: 0 } } },
      ['Invalid webhooks[0].clientConfig.service.port', 'Invalid webhooks[0].clientConfig.service.path'],
    ],
    ['side effects', { sideEffects: 'Some' }, ['NotSupported webhooks[0].sideEffects']],
    ['too patient', { timeoutSeconds: 31 }, ['Invalid webhooks[0].timeoutSeconds']],
    ['no version', { admissionReviewVersions: [] }, ['Required webhooks[0].admissionReviewVersions']],
    ['odd version', { admissionReviewVersions: ['v7'] }, ['Invalid webhooks[0].admissionReviewVersions']],
    [
      'a wildcard and more',
      { rules: [{ ...rule, operations: ['*', 'CREATE'], resources: ['pods', 'pods/*', 'pods/status'] }] },
      ['Invalid webhooks[0].rules[0].operations', 'Invalid webhooks[0].rules[0].resources[2]'],
    ],
    [
      'odd operation',
      { rules: [{ ...rule, operations: ['GET'] }] },
      ['NotSupported webhooks[0].rules[0].operations[0]'],
    ],
    [
      'empty rule',
      { rules: [{}] },
      ['operations', 'apiGroups', 'apiVersions', 'resources'].map(
        (field) => `Required webhooks[0].rules[0].${field}`,
      ),
    ],
    [
      'nameless condition',
      { matchConditions: [{ name: '', expression: '' }] },
      ['Required webhooks[0].matchConditions[0].expression', 'Required webhooks[0].matchConditions[0].name'],
    ],
  ])('%s', (_what, change, expected) => {
    expect(causes(change)).toEqual(expected);
  });

  it('have unique names', () => {
    expect(causes({}, webhook)).toEqual(['Duplicate webhooks[1].name']);
  });
});

describe('policies', () => {
  const spec: PolicySpec = {
    matchConstraints: { resourceRules: [rule] },
    validations: [{ expression: 'true' }],
  };
  it.each<[string, Partial<PolicySpec>, readonly string[]]>([
    ['a good one', {}, []],
    ['about nothing', { matchConstraints: {} }, ['Required spec.matchConstraints.resourceRules']],
    ['says nothing', { validations: [] }, ['Required spec.validations', 'Required spec.auditAnnotations']],
    ['empty expression', { validations: [{ expression: ' ' }] }, ['Required spec.validations[0].expression']],
    [
      'odd reason and message',
      { validations: [{ expression: 'true', reason: 'Because', message: 'a\nb' }] },
      ['Invalid spec.validations[0].message', 'NotSupported spec.validations[0].reason'],
    ],
    ['odd variable', { variables: [{ name: 'a-b', expression: '1' }] }, ['Invalid spec.variables[0].name']],
    ['half a kind', { paramKind: { kind: 'ConfigMap' } }, ['Required spec.paramKind.apiVersion']],
  ])('%s', (_what, change, expected) => {
    const request = requestFor({ metadata, spec: { ...spec, ...change } });
    expect(briefly(validatingAdmissionPolicy.validate?.(request) ?? [])).toEqual(expected);
  });

  it.each<[string, BindingSpec, readonly string[]]>([
    ['a good one', { policyName: 'p', validationActions: ['Deny', 'Audit'] }, []],
    ['empty', {}, ['Required spec.policyName', 'Required spec.validationActions']],
    [
      'told twice',
      { policyName: 'p', validationActions: ['Deny', 'Warn'] },
      ['Invalid spec.validationActions'],
    ],
    [
      'parameters',
      { policyName: 'p', validationActions: ['Deny'], paramRef: { name: 'x', selector: {} } },
      ['Forbidden spec.paramRef.name', 'Required spec.paramRef.parameterNotFoundAction'],
    ],
  ])('binding: %s', (_what, given, expected) => {
    const request = requestFor({ metadata, spec: given });
    expect(briefly(validatingAdmissionPolicyBinding.validate?.(request) ?? [])).toEqual(expected);
  });
});
