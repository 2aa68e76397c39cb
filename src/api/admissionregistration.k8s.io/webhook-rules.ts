/** Rules of webhooks. k8s.io/kubernetes/pkg/apis/admissionregistration/validation, in its words. */
import { duplicate, invalid, notSupported, required } from '../cause.ts';
import { labelSelectorCauses } from '../label-rules.ts';
import type { Cause } from '../meta.ts';
import { dnsSubdomainProblem } from '../names.ts';
import { conditionsCauses, rulesCauses } from './match-rules.ts';
import type { Webhook } from './webhook.ts';

const reviewVersions = ['v1', 'v1beta1'];
const urlForm = 'desired format: https://host[/path]';

/** Checks the webhooks of a configuration. */
export function webhooksCauses(webhooks: readonly Webhook[] | undefined): readonly Cause[] {
  const given = webhooks ?? [];
  return given.flatMap((webhook, index) => {
    const field = `webhooks[${index}]`;
    const again = given.findIndex(({ name }) => name === webhook.name) < index;
    return [
      ...webhookCauses(field, webhook),
      ...(again ? [duplicate(`${field}.name`, webhook.name, '')] : []),
    ];
  });
}

function webhookCauses(field: string, webhook: Webhook): readonly Cause[] {
  const { timeoutSeconds = 10, sideEffects, admissionReviewVersions: versions } = webhook;
  return [
    ...nameCauses(`${field}.name`, webhook.name),
    ...labelSelectorCauses(`${field}.namespaceSelector`, webhook.namespaceSelector),
    ...labelSelectorCauses(`${field}.objectSelector`, webhook.objectSelector),
    ...rulesCauses(`${field}.rules`, webhook.rules),
    ...(sideEffects === 'None' || sideEffects === 'NoneOnDryRun'
      ? []
      : [notSupported(`${field}.sideEffects`, sideEffects, ['None', 'NoneOnDryRun'])]),
    ...(timeoutSeconds < 1 || timeoutSeconds > 30
      ? [
          invalid(
            `${field}.timeoutSeconds`,
            timeoutSeconds,
            'the timeout value must be between 1 and 30 seconds',
          ),
        ]
      : []),
    ...clientCauses(`${field}.clientConfig`, webhook.clientConfig),
    ...versionsCauses(`${field}.admissionReviewVersions`, versions),
    ...conditionsCauses(`${field}.matchConditions`, webhook.matchConditions),
  ];
}

function nameCauses(field: string, name: string): readonly Cause[] {
  if (name === '') return [required(field, '')];
  const problem = dnsSubdomainProblem(name);
  if (problem !== undefined) return [invalid(field, name, problem)];
  return name.split('.').length < 3
    ? [invalid(field, name, 'should be a domain with at least three segments separated by dots')]
    : [];
}

function versionsCauses(field: string, versions: readonly string[]): readonly Cause[] {
  if (versions.length === 0) {
    return [required(field, `must specify one of ${reviewVersions.join(', ')}`)];
  }
  return versions.some((version) => reviewVersions.includes(version))
    ? []
    : [invalid(field, versions, `must include at least one of ${reviewVersions.join(', ')}`)];
}

function clientCauses(field: string, { url, service }: Webhook['clientConfig']): readonly Cause[] {
  if ((url === undefined) === (service === undefined)) {
    return [required(field, 'exactly one of url or service is required')];
  }
  if (url !== undefined) {
    return urlCauses(`${field}.url`, url);
  }
  const { name = '', namespace = '', path = '', port = 443 } = service ?? {};
  return [
    ...(name === '' ? [required(`${field}.service.name`, 'service name is required')] : []),
    ...(namespace === '' ? [required(`${field}.service.namespace`, 'service namespace is required')] : []),
    ...(port < 1 || port > 65535
      ? [invalid(`${field}.service.port`, port, 'port is not valid: must be between 1 and 65535, inclusive')]
      : []),
    ...(path === '' || path.startsWith('/')
      ? []
      : [invalid(`${field}.service.path`, path, "must start with a '/'")]),
  ];
}

function urlCauses(field: string, text: string): readonly Cause[] {
  const url = URL.parse(text);
  if (url === null) {
    return [required(field, `url must be a valid URL: ${text}; ${urlForm}`)];
  }
  const wrong = (what: string): Cause => invalid(field, text, `${what}; ${urlForm}`);
  return [
    ...(url.protocol === 'https:' ? [] : [wrong("'https' is the only allowed URL scheme")]),
    ...(url.hostname === '' ? [wrong('host must be specified')] : []),
    ...(url.username === '' && url.password === ''
      ? []
      : [wrong('user information is not permitted in the URL')]),
    ...(url.hash === '' ? [] : [wrong('fragments are not permitted in the URL')]),
    ...(url.search === '' ? [] : [wrong('query parameters are not permitted in the URL')]),
  ];
}
