/** A NAD's `spec.config`, parsed and read with types. */
import { PatchbayError } from '#machinery/errors.ts';

/** A parsed plug-in configuration. */
export type CniConfig = Readonly<Record<string, unknown>>;

/**
 * Parses `spec.config`: one plug-in's configuration, or the first of a list under `plugins` (with the list's name).
 * Throws a PatchbayError `InvalidNetworkConfig` that says where the JSON breaks.
 */
export function parseCniConfig(text: string | undefined, what: string): CniConfig {
  const refuse = (why: string, cause?: unknown): PatchbayError =>
    new PatchbayError('InvalidNetworkConfig', `${what}: spec.config ${why}`, { retryable: false, cause });
  if (text === undefined || text.trim() === '') {
    throw refuse(
      'is empty; it must be the JSON of a CNI configuration such as {"type":"bridge","bridge":"br1"}',
    );
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw refuse('is not valid JSON', cause);
  }
  if (!isRecord(parsed)) {
    throw refuse('must be a JSON object');
  }
  const plugins = parsed['plugins'];
  const config = Array.isArray(plugins)
    ? { name: parsed['name'], ...(isRecord(plugins[0]) ? plugins[0] : {}) }
    : parsed;
  if (typeof config['type'] !== 'string' || config['type'] === '') {
    throw refuse('names no plug-in; set "type", such as "bridge"');
  }
  return config;
}

/** True for JSON objects. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A field that must be a whole number in a range when it is there. */
export function integerField(config: CniConfig, key: string, min: number, max: number): number | undefined {
  const value = config[key];
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
    ? value
    : undefined;
}

/** A field that counts as false unless it is `true`. */
export function isTrue(config: CniConfig, key: string): boolean {
  return config[key] === true;
}
