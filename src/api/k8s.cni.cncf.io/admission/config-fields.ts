/** Small checks of the fields of a CNI configuration: each returns causes for one key. */
import { invalid, notSupported, required } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import { interfaceNameProblem } from '../../names.ts';

/** A plug-in's configuration, as parsed. */
export type PluginConfig = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is PluginConfig {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function booleanField(config: PluginConfig, key: string, field: string): readonly Cause[] {
  const value = config[key];
  return value === undefined || typeof value === 'boolean'
    ? []
    : [invalid(`${field}.${key}`, value, 'must be true or false, without quotes')];
}

export function integerField(
  config: PluginConfig,
  key: string,
  field: string,
  range: readonly [number, number],
): readonly Cause[] {
  const value = config[key];
  if (value === undefined) return [];
  const [least, most] = range;
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
    ? []
    : [invalid(`${field}.${key}`, value, `must be a whole number from ${least} to ${most}, without quotes`)];
}

export function wordField(
  config: PluginConfig,
  key: string,
  field: string,
  words: readonly string[],
): readonly Cause[] {
  const value = config[key];
  if (value === undefined || (typeof value === 'string' && words.includes(value))) return [];
  return typeof value === 'string'
    ? [notSupported(`${field}.${key}`, value, words)]
    : [invalid(`${field}.${key}`, value, `must be one of ${words.join(', ')}`)];
}

/** A name of a network interface on the node. */
export function interfaceField(config: PluginConfig, key: string, field: string): readonly Cause[] {
  const value = config[key];
  if (value === undefined) return [];
  if (typeof value !== 'string')
    return [invalid(`${field}.${key}`, value, 'must be the name of an interface, in quotes')];
  const problem = interfaceNameProblem(value);
  return problem === undefined ? [] : [invalid(`${field}.${key}`, value, problem)];
}

export function requiredText(
  config: PluginConfig,
  key: string,
  field: string,
  what: string,
): readonly Cause[] {
  const value = config[key];
  if (value === undefined || value === '') return [required(`${field}.${key}`, what)];
  return typeof value === 'string' ? [] : [invalid(`${field}.${key}`, value, `must be text: ${what}`)];
}

/** MTU of an Ethernet device; 0 leaves it to the kernel. */
export function mtuField(config: PluginConfig, field: string): readonly Cause[] {
  return config['mtu'] === 0 ? [] : integerField(config, 'mtu', field, [68, 65535]);
}

/** Whether the configuration asks for address management. */
export function hasIpam(config: PluginConfig): boolean {
  const ipam = config['ipam'];
  return isObject(ipam) && typeof ipam['type'] === 'string' && ipam['type'] !== '';
}
