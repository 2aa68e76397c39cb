/** Rules for a NodeNetworkConfigurationPolicy: its frame, and the known parts of its desired state. */
import { isIP } from 'node:net';
import { duplicate, forbidden, invalid, required } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import { qualifiedNameProblem } from '../../names.ts';
import { entriesOf, isPart, isTemplate, type Part, partOf } from './desired-state.ts';
import { interfaceCauses } from './interface-rules.ts';
import { misspeltKeyCauses } from './known-keys.ts';
import { interfaceNameCauses, shapeCauses, wordCauses } from './part-fields.ts';

const FIELD = 'spec.desiredState';

export function selectorCauses(selector: Readonly<Record<string, string>> = {}): readonly Cause[] {
  return Object.entries(selector).flatMap(([key, value]) => {
    const field = `spec.nodeSelector[${key}]`;
    const problem = qualifiedNameProblem(key);
    if (problem !== undefined) return [invalid(field, key, `must be a label key: ${problem}`)];
    return value === '' ||
      (value.length <= 63 && qualifiedNameProblem(value) === undefined && !value.includes('/'))
      ? []
      : [invalid(field, value, "must be a label value: at most 63 letters, digits, '-', '_' or '.'")];
  });
}

/** A number of nodes, at least 1, or a percentage. */
export function maxUnavailableCauses(value: number | string | undefined): readonly Cause[] {
  if (value === undefined) return [];
  const good =
    typeof value === 'number'
      ? value >= 1
      : /^[1-9]\d{0,8}$/.test(value) || /^(?:[1-9]\d?|100)%$/.test(value);
  return good
    ? []
    : [
        invalid(
          'spec.maxUnavailable',
          value,
          'must be a number of nodes, 1 or more, or a percentage from 1% to 100%',
        ),
      ];
}

export function captureCauses(capture: Readonly<Record<string, string>> = {}): readonly Cause[] {
  return Object.entries(capture).flatMap(([name, expression]) =>
    expression.trim() === ''
      ? [required(`spec.capture[${name}]`, 'must be an expression, such as interfaces.name == "eth1"')]
      : [],
  );
}

export function desiredStateCauses(state: unknown): readonly Cause[] {
  if (state === undefined || !isPart(state)) return [];
  const interfaces = entriesOf(state, 'interfaces', FIELD);
  return [
    ...shapeCauses(state, 'interfaces', FIELD, 'list'),
    ...strayEntryCauses(state['interfaces']),
    ...interfaces.flatMap(({ part, field }) => interfaceCauses(part, field)),
    ...misspeltKeyCauses(state),
    ...repeatedInterfaceCauses(interfaces),
    ...mappingCauses(state),
    ...routeCauses(state),
    ...resolverCauses(state),
  ];
}

function strayEntryCauses(list: unknown): readonly Cause[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry: unknown, index) =>
    isPart(entry) ? [] : [invalid(`${FIELD}.interfaces[${index}]`, entry, 'must be an object with a name')],
  );
}

/** An Open vSwitch bridge and its interface may share a name; two of one type may not. */
function repeatedInterfaceCauses(interfaces: ReturnType<typeof entriesOf>): readonly Cause[] {
  const seen = new Map<string, string>();
  return interfaces.flatMap(({ part: { name, type }, field }) => {
    const key = JSON.stringify([name, type]);
    const first = seen.get(key);
    if (typeof name !== 'string' || isTemplate(name)) return [];
    if (first !== undefined) {
      return [duplicate(`${field}.name`, name, `${first} describes the same interface; join the two`)];
    }
    seen.set(key, field);
    return [];
  });
}

function mappingCauses(state: Part): readonly Cause[] {
  const ovn = partOf(state, 'ovn');
  const at = `${FIELD}.ovn`;
  return [
    ...shapeCauses(ovn, 'bridge-mappings', at, 'list'),
    ...entriesOf(ovn, 'bridge-mappings', at).flatMap(({ part, field }) => [
      ...(typeof part['localnet'] === 'string' && part['localnet'] !== ''
        ? []
        : [required(`${field}.localnet`, 'must be the name of the physical network')]),
      ...wordCauses(part, 'state', field, ['present', 'absent']),
      ...(part['state'] === 'absent'
        ? []
        : part['bridge'] === undefined
          ? [
              required(
                `${field}.bridge`,
                'must be an Open vSwitch bridge, such as br-ex, unless state is absent',
              ),
            ]
          : interfaceNameCauses(part['bridge'], `${field}.bridge`)),
    ]),
  ];
}

function routeCauses(state: Part): readonly Cause[] {
  const routes = partOf(state, 'routes');
  const at = `${FIELD}.routes`;
  return [
    ...shapeCauses(routes, 'config', at, 'list'),
    ...entriesOf(routes, 'config', at).flatMap(({ part, field }) => [
      ...destinationCauses(part['destination'], `${field}.destination`),
      ...addressCauses(part['next-hop-address'], `${field}.next-hop-address`),
      ...wordCauses(part, 'state', field, ['absent', 'ignore']),
    ]),
  ];
}

function destinationCauses(value: unknown, field: string): readonly Cause[] {
  if (value === undefined || isTemplate(value)) return [];
  const [address = '', length = ''] = String(value).split('/');
  const bits = isIP(address) === 4 ? 32 : 128;
  return isIP(address) !== 0 && /^\d{1,3}$/.test(length) && Number(length) <= bits
    ? []
    : [invalid(field, value, 'must be a range, such as 0.0.0.0/0 or 192.0.2.0/24')];
}

function addressCauses(value: unknown, field: string): readonly Cause[] {
  if (value === undefined || value === '' || isTemplate(value) || isIP(String(value)) !== 0) return [];
  return [invalid(field, value, 'must be an IP address')];
}

function resolverCauses(state: Part): readonly Cause[] {
  const config = partOf(partOf(state, 'dns-resolver'), 'config');
  const servers = config['server'];
  const at = `${FIELD}.dns-resolver.config`;
  const causes = shapeCauses(config, 'server', at, 'list');
  if (!Array.isArray(servers)) return causes;
  return servers.flatMap((server: unknown, index) =>
    isTemplate(server) || isIP(String(server).split('%')[0] ?? '') !== 0
      ? []
      : [invalid(`${at}.server[${index}]`, server, 'must be the IP address of a name server')],
  );
}

/** A policy is left alone while nodes are being changed by it. */
export function inProgressCauses(
  name: string,
  conditions: readonly { readonly type: string; readonly status: string }[] = [],
): readonly Cause[] {
  return conditions.some(({ type, status }) => type === 'Progressing' && status === 'True')
    ? [
        forbidden(
          'spec',
          `policy ${name} is still in progress; wait until kubectl get nncp ${name} shows Available or Degraded`,
        ),
      ]
    : [];
}
