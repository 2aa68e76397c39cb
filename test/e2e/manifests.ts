/** Manifests as a new user writes them, right or wrong. */
import { bridgeNad } from './cluster.ts';

/** Namespace of what the tests of wrong input make. */
export const namespace = 'wrong-input';

export type Fields = Readonly<Record<string, unknown>>;
export const podCard = { name: 'default', masquerade: {} };
export const podNetwork = { name: 'default', pod: {} };

/** A VM that is right but for `interfaces`, `networks`, `guest` (memory), and fields of its spec and template. */
export function vm(
  name: string,
  change: {
    readonly interfaces?: readonly Fields[];
    readonly networks?: readonly Fields[];
    readonly guest?: string;
    readonly spec?: Fields;
    readonly template?: Fields;
  } = {},
): string {
  const { interfaces = [podCard], networks = [podNetwork], guest = '128Mi' } = change;
  return JSON.stringify({
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachine',
    metadata: { name, namespace },
    spec: {
      runStrategy: 'Always',
      template: {
        spec: { domain: { memory: { guest }, devices: { interfaces } }, networks, ...change.template },
      },
      ...change.spec,
    },
  });
}

/** A VM with a second card on the network of a NetworkAttachmentDefinition. */
export const attached = (name: string, networkName: string, second: Fields = { bridge: {} }): string =>
  vm(name, {
    interfaces: [podCard, { name: 'lan', ...second }],
    networks: [podNetwork, { name: 'lan', multus: { networkName } }],
  });

/** A policy with one interface, a Linux bridge unless said otherwise. */
export const policy = (name: string, entry: Fields): string =>
  JSON.stringify({
    apiVersion: 'nmstate.io/v1',
    kind: 'NodeNetworkConfigurationPolicy',
    metadata: { name },
    spec: {
      desiredState: { interfaces: [{ name: 'br-wrong', type: 'linux-bridge', state: 'up', ...entry }] },
    },
  });

/** A NetworkAttachmentDefinition of type bridge, or with this text for its configuration. */
export const nad = (name: string, config: Fields | string): string =>
  typeof config === 'string'
    ? JSON.stringify({ ...JSON.parse(bridgeNad(namespace, name, {})), spec: { config } })
    : bridgeNad(namespace, name, config);

/** Cloud-init volumes with these sources. */
export const cloudInit = (...sources: readonly Fields[]): Fields => ({
  volumes: sources.map((source, index) => ({ name: `c${index}`, cloudInitNoCloud: source })),
});
