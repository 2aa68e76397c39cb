/** `spec.config` of a NetworkAttachmentDefinition: reading and checking it. */
import { invalid, notSupported, required } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import { commonKeys, configRules, type DefinitionView, knownTypes } from './cni-types.ts';
import { isObject, type PluginConfig } from './config-fields.ts';
import { readJson } from './json-text.ts';

const FIELD = 'spec.config';
const VERSIONS = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'];

/** One plug-in of a configuration with its path. */
export interface PlacedPlugin {
  readonly config: PluginConfig;
  readonly field: string;
}

/** Refusals of `spec.config`. */
export function validateConfigText(text: string, definition: DefinitionView): readonly Cause[] {
  const reading = readJson(text);
  if (reading.kind === 'broken') {
    const { line, column, problem } = reading;
    const shown = text.split('\n')[line - 1]?.trim() ?? '';
    return [invalid(FIELD, shown, `is not valid JSON: line ${line}, column ${column}: ${problem}`)];
  }
  const { value } = reading;
  if (!isObject(value)) {
    return [
      invalid(
        FIELD,
        value,
        'must be a JSON object such as {"cniVersion": "0.3.1", "name": "net", "type": "bridge", …}',
      ),
    ];
  }
  return [
    ...commonCauses(value),
    ...shapeCauses(value),
    ...pluginsOf(value).flatMap((one) => pluginCauses(one, definition)),
  ];
}

/** The plug-ins of a configuration: itself, or those of its list. A list's `name` counts for each. */
export function pluginsOf(config: PluginConfig): readonly PlacedPlugin[] {
  const { plugins, ...shared } = config;
  if (plugins === undefined) return [{ config, field: FIELD }];
  const list = Array.isArray(plugins) ? plugins : [];
  return list.flatMap((plugin: unknown, index) =>
    isObject(plugin)
      ? [{ config: { name: shared['name'], ...plugin }, field: `${FIELD}.plugins[${index}]` }]
      : [],
  );
}

/** Warnings about keys no plug-in of this type reads. */
export function unknownKeys({ config, field }: PlacedPlugin): readonly {
  readonly field: string;
  readonly key: string;
  readonly known: readonly string[];
}[] {
  const rules = configRules[String(config['type'])];
  if (rules === undefined) return [];
  const known = [...commonKeys, ...rules.keys];
  return Object.keys(config)
    .filter((key) => !known.includes(key))
    .map((key) => ({ field: `${field}.${key}`, key, known }));
}

function commonCauses({ cniVersion, name }: PluginConfig): readonly Cause[] {
  const causes: Cause[] = [];
  if (cniVersion !== undefined && !VERSIONS.includes(String(cniVersion))) {
    causes.push(notSupported(`${FIELD}.cniVersion`, String(cniVersion), VERSIONS));
  }
  if (name !== undefined && (typeof name !== 'string' || !/^[a-zA-Z0-9][\w.-]*$/.test(name))) {
    causes.push(
      invalid(
        `${FIELD}.name`,
        name,
        "must begin with a letter or digit and go on with letters, digits, '_', '.' or '-'",
      ),
    );
  }
  return causes;
}

function shapeCauses({ type, plugins }: PluginConfig): readonly Cause[] {
  const at = `${FIELD}.plugins`;
  if (plugins === undefined) return [];
  if (!Array.isArray(plugins) || plugins.length === 0) {
    return [
      invalid(
        at,
        plugins,
        'must be a list of at least one plug-in, such as [{"type": "bridge", "bridge": "br1"}]',
      ),
    ];
  }
  const causes = plugins.flatMap((plugin: unknown, index) =>
    isObject(plugin) ? [] : [invalid(`${at}[${index}]`, plugin, 'must be a JSON object with a type')],
  );
  return type === undefined
    ? causes
    : [
        ...causes,
        invalid(`${FIELD}.type`, type, 'a list of plugins has no type of its own; remove type, or plugins'),
      ];
}

function pluginCauses({ config, field }: PlacedPlugin, definition: DefinitionView): readonly Cause[] {
  const { type } = config;
  if (type === undefined || type === '') {
    return [required(`${field}.type`, `must name the CNI plug-in, one of ${knownTypes.join(', ')}`)];
  }
  if (typeof type !== 'string')
    return [invalid(`${field}.type`, type, 'must be the name of a CNI plug-in, in quotes')];
  if (!/^[A-Za-z0-9][\w.-]*$/.test(type)) {
    return [
      invalid(
        `${field}.type`,
        type,
        'must be the bare name of a CNI plug-in, such as bridge, without any path',
      ),
    ];
  }
  if (!knownTypes.includes(type)) return [notSupported(`${field}.type`, type, knownTypes)];
  const { ipam } = config;
  return [
    ...(ipam === undefined || isObject(ipam)
      ? []
      : [invalid(`${field}.ipam`, ipam, 'must be an object such as {} or {"type": "dhcp"}')]),
    ...(configRules[type]?.validate(config, field, definition) ?? []),
  ];
}
