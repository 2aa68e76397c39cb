/** Every binding, and which one an interface asks for. */
import type { VmiInterface } from '#api/kubevirt.io/virtual-machine-instance.ts';
import { PatchbayError } from '#machinery/errors.ts';
import type { Binding } from './binding.ts';
import { bridge } from './bridge.ts';
import { l2bridge } from './l2bridge.ts';
import { masquerade } from './masquerade.ts';

export const bindings: readonly Binding[] = [masquerade, bridge, l2bridge];

/** The binding of an interface; throws a PatchbayError `UnsupportedBinding` that names those there are. */
export function bindingOf(card: VmiInterface): Binding {
  const keys = new Map(Object.entries(card));
  const found = bindings.find(({ name }) => keys.get(name) !== undefined || card.binding?.name === name);
  if (found !== undefined) {
    return found;
  }
  const asked =
    card.binding?.name ?? ['sriov', 'passtBinding'].find((key) => keys.get(key) !== undefined) ?? 'none';
  throw new PatchbayError(
    'UnsupportedBinding',
    `interface "${card.name}": binding "${asked}" is not there; there are ${bindings.map(({ name }) => name).join(', ')}`,
    { retryable: false },
  );
}
