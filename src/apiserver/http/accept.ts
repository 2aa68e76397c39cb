/** What form of an answer a client accepts. */

/** The forms an answer can take. `Table` and the partial forms are transformations of `meta.k8s.io`. */
export type Form =
  | { readonly as: 'object' }
  | { readonly as: 'Table' }
  | { readonly as: 'PartialObjectMetadata' | 'PartialObjectMetadataList' }
  | { readonly as: 'APIGroupDiscoveryList'; readonly version: 'v2' | 'v2beta1' };

/** Media type of the answer: YAML only when nothing else is accepted. */
export interface Negotiated {
  readonly form: Form;
  readonly yaml: boolean;
}

interface Clause {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** The media types that are served, as a refusal lists them. */
export const servedTypes = ['application/json', 'application/yaml'] as const;

const json: Negotiated = { form: { as: 'object' }, yaml: false };

/** Picks the first acceptable clause, in the client's order as kube-apiserver does; undefined when there is none (406). */
export function negotiate(
  accept: string | undefined,
  transforms: readonly Form['as'][],
): Negotiated | undefined {
  if (accept === undefined || accept === '' || accept === 'application/json' || accept === '*/*') {
    return json;
  }
  for (const text of accept.split(',')) {
    const found = match(clause(text), transforms);
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

function clause(text: string): Clause {
  const [type = '', ...rest] = text.split(';').map((part) => part.trim());
  const pairs = rest.map((part): [string, string] => {
    const at = part.indexOf('=');
    return at < 0 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)];
  });
  return { type: type.toLowerCase(), parameters: new Map(pairs) };
}

function match({ type, parameters }: Clause, transforms: readonly Form['as'][]): Negotiated | undefined {
  const yaml = type === 'application/yaml' || type === 'text/yaml';
  if (!yaml && !['application/json', '*/*', 'application/*', 'text/*'].includes(type)) {
    return undefined;
  }
  if (parameters.has('stream') && parameters.get('stream') !== 'watch') {
    return undefined;
  }
  const as = parameters.get('as');
  if (as === undefined) {
    return { form: { as: 'object' }, yaml };
  }
  const form = transformation(as, parameters);
  return form !== undefined && transforms.includes(form.as) ? { form, yaml } : undefined;
}

function transformation(as: string, parameters: ReadonlyMap<string, string>): Form | undefined {
  const group = parameters.get('g');
  const version = parameters.get('v');
  if (group === 'apidiscovery.k8s.io' && as === 'APIGroupDiscoveryList') {
    return version === 'v2' || version === 'v2beta1' ? { as, version } : undefined;
  }
  if (group !== 'meta.k8s.io' || version !== 'v1') {
    return undefined;
  }
  return as === 'Table' || as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList'
    ? { as }
    : undefined;
}
