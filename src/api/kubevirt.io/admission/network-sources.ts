/** Rules for `spec.networks[]`. Order and meaning: KubeVirt pkg/network/admitter/netsource.go. */
import { duplicate, invalid, required } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import { dnsLabelProblem, dnsSubdomainProblem } from '../../names.ts';
import { forEachRepeat, type SpecRule } from './rule.ts';

/** At most one pod network, at most one Multus default network, not both. */
export const singlePodNetwork: SpecRule = (spec, path) => {
  const causes: Cause[] = [];
  const networks = (spec.networks ?? []).map((network, index) => ({
    network,
    field: `${path}.networks[${index}]`,
  }));
  const pod = networks.filter(({ network }) => network.pod !== undefined);
  const defaults = networks.filter(({ network }) => network.multus?.default === true);
  for (const { network, field } of pod.slice(1)) {
    causes.push(
      duplicate(
        `${field}.pod`,
        network.name,
        `more than one network is the pod network, ${JSON.stringify(pod[0]?.network.name)} already is; a virtual machine can have it once, so use multus for this one`,
      ),
    );
  }
  for (const { network, field } of defaults.slice(1)) {
    causes.push(
      invalid(
        `${field}.multus.default`,
        network.name,
        `only one network can be the default, ${JSON.stringify(defaults[0]?.network.name)} already is; take default: true away here`,
      ),
    );
  }
  const [first] = defaults;
  if (pod.length > 0 && first !== undefined) {
    causes.push(
      invalid(
        `${first.field}.multus.default`,
        first.network.name,
        `the pod network cannot be there together with a Multus default network; remove the network ${JSON.stringify(pod[0]?.network.name)} or take default: true away here`,
      ),
    );
  }
  return causes;
};

/** Every network has exactly one source. */
export const singleSource: SpecRule = (spec, path) =>
  (spec.networks ?? []).flatMap((network, index) => {
    const given = (['pod', 'multus', 'resourceClaim'] as const).filter(
      (source) => network[source] !== undefined,
    );
    if (given.length === 1) return [];
    const field = `${path}.networks[${index}]`;
    const allowed = 'pod: {}, multus: {networkName: …} or resourceClaim: {claimName: …}';
    return given.length === 0
      ? [
          required(
            field,
            `network ${JSON.stringify(network.name)} should have a network type; add one of ${allowed}`,
          ),
        ]
      : [
          required(
            field,
            `network ${JSON.stringify(network.name)} should have only one network type, has ${given.join(' and ')}; keep one of ${allowed}`,
          ),
        ];
  });

/** `multus.networkName` is `<name>` or `<namespace>/<name>`. */
export const multusNetworkName: SpecRule = (spec, path) =>
  (spec.networks ?? []).flatMap(({ multus }, index) => {
    if (multus === undefined) return [];
    const field = `${path}.networks[${index}].multus.networkName`;
    if (multus.networkName === '') {
      return [required(field, 'name the NetworkAttachmentDefinition, as <name> or <namespace>/<name>')];
    }
    const parts = multus.networkName.split('/');
    const name = parts.at(-1) ?? '';
    const namespace = parts.length === 2 ? parts[0] : undefined;
    const problem =
      parts.length > 2
        ? 'has more than one slash'
        : namespace !== undefined && dnsLabelProblem(namespace) !== undefined
          ? `its namespace ${dnsLabelProblem(namespace)}`
          : dnsSubdomainProblem(name);
    return problem === undefined
      ? []
      : [
          invalid(
            field,
            multus.networkName,
            `must name a NetworkAttachmentDefinition as <name> or <namespace>/<name>: ${problem}`,
          ),
        ];
  });

/** Network names are unique. */
export const uniqueNetworkNames: SpecRule = (spec, path) => {
  const causes: Cause[] = [];
  const networks = spec.networks ?? [];
  forEachRepeat(
    networks,
    ({ name }) => name,
    (index, first) =>
      causes.push(
        duplicate(
          `${path}.networks[${index}].name`,
          networks[index]?.name,
          `the network ${path}.networks[${first}] has the same name and every network must have a name of its own; rename one of them and its interface`,
        ),
      ),
  );
  return causes;
};

/** Claims a network refers to are listed. */
export const networkClaims: SpecRule = (spec, path) =>
  (spec.networks ?? []).flatMap(({ resourceClaim }, index) => {
    if (resourceClaim === undefined) return [];
    const field = `${path}.networks[${index}].resourceClaim`;
    const known = (spec.resourceClaims ?? []).map(({ name }) => name);
    if (resourceClaim.claimName === undefined || resourceClaim.claimName === '') {
      return [required(`${field}.claimName`, `name an entry of ${path}.resourceClaims`)];
    }
    if (resourceClaim.requestName === undefined || resourceClaim.requestName === '') {
      return [required(`${field}.requestName`, 'name the request in the claim')];
    }
    return known.includes(resourceClaim.claimName)
      ? []
      : [
          invalid(
            `${field}.claimName`,
            resourceClaim.claimName,
            `there is no entry of this name in ${path}.resourceClaims; add it or name one of: ${known.join(', ') || '(there are none)'}`,
          ),
        ];
  });
