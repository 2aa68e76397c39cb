/** The files of `deploy/crds`: one for each kind that is not builtin. */
import { stringify } from 'yaml';
import { customResourceDefinition } from '../src/api/crd.ts';
import { kinds } from '../src/api/kinds.ts';

/** File name -> YAML text. */
export function crdFiles(): ReadonlyMap<string, string> {
  return new Map(
    kinds
      .filter(({ builtin }) => !builtin)
      .map((kind) => [
        `${kind.group}_${kind.plural}.yaml`,
        `# Written by npm run generate from src/api/${kind.group}; do not edit.\n${stringify(customResourceDefinition(kind), { lineWidth: 0, aliasDuplicateObjects: false })}`,
      ]),
  );
}
