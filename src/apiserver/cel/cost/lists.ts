/** What CEL's list extension may cost (cel-go `ext/lists.go`). */
import type { Declaration } from './declaration.ts';
import { fixed, product, type Size, times } from './size.ts';
import type { Estimate } from './types.ts';

/** What a call costs, and the size of what it returns. */
export interface ListCall {
  readonly cost: number;
  readonly size: Size;
}

/** A call, and a list. */
const NEW_LIST = 11;

/** A call that makes a list of such a size. */
function making(size: Size, factor = 1): ListCall {
  return { cost: Math.ceil(times(size.max, factor)) + NEW_LIST, size };
}

/** Every item is compared with every other. cel-go takes that for the size of the result, too. */
export function selfComparison(size: Size, element: Declaration | undefined): ListCall {
  const texts = element?.kind === 'string' || element?.kind === 'bytes';
  return making(product(size, size), texts ? 2.1 : 2);
}

/** The estimate of a call on a list, or of `lists.range`; undefined when it is none of the extension's. */
export function listCall(
  name: string,
  list: Estimate | undefined,
  args: readonly Estimate[],
  sizeOf: (estimate: Estimate) => Size,
): ListCall | undefined {
  const [first, second] = args;
  if (name === 'lists.range') {
    return making(fixed(wholeOf(first, Infinity)));
  }
  if (list === undefined) {
    return undefined;
  }
  const size = sizeOf(list);
  switch (name) {
    case 'slice':
      return making(fixed(Math.max(0, wholeOf(second, size.max) - wholeOf(first, 0))));
    case 'flatten':
      return making(size, first === undefined ? 1 : wholeOf(first, Infinity));
    case 'reverse':
      return making(size);
    case 'distinct':
      return making(product(size, size), 2);
    case 'sort':
      return selfComparison(size, list.type.element);
    default:
      return undefined;
  }
}

/** The number, of a literal. */
function wholeOf(estimate: Estimate | undefined, otherwise: number): number {
  const { literal } = estimate ?? {};
  return typeof literal === 'bigint' && literal >= 0n ? Number(literal) : otherwise;
}
