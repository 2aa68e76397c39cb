import type { Environment } from '@marcbachmann/cel-js';
import { registerCharacters } from './functions/characters.ts';
import { registerConversions } from './functions/conversions.ts';
import { registerFormats } from './functions/format.ts';
import { registerListExtension } from './functions/list-extension.ts';
import { registerLists } from './functions/lists.ts';
import { registerCidr, registerIp } from './functions/network.ts';
import { registerOptionals } from './functions/optionals.ts';
import { registerQuantity } from './functions/quantity.ts';
import { registerSemver } from './functions/semver.ts';
import { registerStrings } from './functions/strings.ts';
import { registerUrl } from './functions/url.ts';
import { registerZones } from './functions/zones.ts';
import { celLibrary } from './library.ts';
import { registerTwoVariableMacros } from './two-variable-macros.ts';
import { registerValueMacros } from './value-macros.ts';

/** What `oldSelf` is: the stored value, or (`optionalOldSelf`) an optional of it that is empty on create. */
export type OldSelf = 'value' | 'optional';

/** `untyped` has no variables yet. */
let environments: Readonly<Record<OldSelf | 'untyped', Environment>> | undefined;

/**
 * The environment of validation rules: CEL with Kubernetes' function libraries.
 * https://kubernetes.io/docs/reference/using-api/cel/#cel-options-language-features-and-libraries
 */
export function celEnvironment(oldSelf: OldSelf | 'untyped'): Environment {
  if (environments === undefined) {
    const base = createEnvironment();
    environments = {
      untyped: base,
      value: base.clone().registerVariable('self', 'dyn').registerVariable('oldSelf', 'dyn'),
      optional: base.clone().registerVariable('self', 'dyn').registerVariable('oldSelf', 'optional<dyn>'),
    };
  }
  return environments[oldSelf];
}

function createEnvironment(): Environment {
  const made = new (celLibrary().Environment)({
    enableOptionalTypes: true,
    homogeneousAggregateLiterals: false,
    limits: { maxAstNodes: 20_000, maxDepth: 100 },
  });
  registerIp(made);
  registerCidr(made);
  registerQuantity(made);
  registerUrl(made);
  registerStrings(made);
  registerLists(made);
  registerFormats(made);
  registerConversions(made);
  registerCharacters(made);
  registerZones(made);
  registerListExtension(made);
  registerOptionals(made);
  registerSemver(made);
  registerTwoVariableMacros(made);
  registerValueMacros(made);
  return made;
}
