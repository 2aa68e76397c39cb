/** Names that CEL cannot have as fields; Kubernetes writes them `__<name>__`. */
const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

const NAME = /^[a-zA-Z_./-][a-zA-Z0-9_./-]*$/;

/**
 * How a rule spells a property (`namespace` -> `__namespace__`, `a-b` -> `a__dash__b`); undefined when no rule can name it.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#available-methods
 */
export function escapeProperty(name: string): string | undefined {
  if (!NAME.test(name)) {
    return undefined;
  }
  if (RESERVED.has(name)) {
    return `__${name}__`;
  }
  return name
    .replaceAll('__', '__underscores__')
    .replaceAll('.', '__dot__')
    .replaceAll('-', '__dash__')
    .replaceAll('/', '__slash__');
}
