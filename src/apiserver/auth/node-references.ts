/** Which ConfigMaps and Secrets an object on a node uses; the node may read those and no others. */
import { isRecord } from '../registry/metadata.ts';

/** A ConfigMap or Secret by name. */
export interface Reference {
  readonly resource: 'configmaps' | 'secrets';
  readonly name: string;
}

/** Where a field name says that its object refers to one of the two, and which key holds the name. */
const referringFields: Readonly<Record<string, Reference['resource']>> = {
  configMap: 'configmaps',
  configMapRef: 'configmaps',
  configMapKeyRef: 'configmaps',
  sysprepConfigMap: 'configmaps',
  secret: 'secrets',
  secretRef: 'secrets',
  secretKeyRef: 'secrets',
  networkDataSecretRef: 'secrets',
  imagePullSecrets: 'secrets',
  sysprepSecret: 'secrets',
};

/** Every reference below `spec` of a Pod or a VirtualMachineInstance. Their specs use these field names for nothing else. */
export function referencesOf(spec: unknown): readonly Reference[] {
  const found: Reference[] = [];
  collect(spec, found);
  return found;
}

function collect(value: unknown, found: Reference[]): void {
  if (Array.isArray(value)) {
    for (const each of value) {
      collect(each, found);
    }
    return;
  }
  if (!isRecord(value)) {
    return;
  }
  for (const [field, child] of Object.entries(value)) {
    const resource = referringFields[field];
    if (resource !== undefined) {
      found.push(...namesIn(child).map((name) => ({ resource, name })));
    }
    collect(child, found);
  }
}

function namesIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) {
    return value.flatMap(namesIn);
  }
  if (!isRecord(value)) {
    return [];
  }
  return [value['name'], value['secretName']].filter((name) => typeof name === 'string');
}
