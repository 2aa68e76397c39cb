/** Which physical networks the bridges of a node stand for, by its NodeNetworkState. */
import type { NodeNetworkState } from './node-network-state.ts';

const known = new WeakMap<NodeNetworkState, ReadonlyMap<string, string>>();

/** Physical network (`localnet`) -> bridge. */
export function mappingsOf(state: NodeNetworkState): ReadonlyMap<string, string> {
  const found = known.get(state) ?? read(state);
  known.set(state, found);
  return found;
}

function read({ status }: NodeNetworkState): ReadonlyMap<string, string> {
  const { ovn } = (status?.currentState ?? {}) as { readonly ovn?: { readonly 'bridge-mappings'?: unknown } };
  const entries: unknown = ovn?.['bridge-mappings'];
  return new Map(
    (Array.isArray(entries) ? entries : []).flatMap((entry: unknown) => {
      const { localnet, bridge } = (entry ?? {}) as {
        readonly localnet?: unknown;
        readonly bridge?: unknown;
      };
      return typeof localnet === 'string' && typeof bridge === 'string' ? [[localnet, bridge] as const] : [];
    }),
  );
}
