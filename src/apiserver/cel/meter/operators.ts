/** What operators cost when they run, besides their operands. */
import { sizeOf, traversal } from './sizes.ts';

/** Units of an operator by its operands. */
export type OperatorCost = (left: unknown, right: unknown) => number;

/** `==` and `!=` go over the shorter operand. */
const equality: OperatorCost = shorter;

const comparison: OperatorCost = (left, right) => (isText(left) ? shorter(left, right) : 1);

/** Long lists cost more than upstream's one unit: they are copied here, where cel-go chains them. */
const addition: OperatorCost = (left, right) => {
  const size = sizeOf(left) + sizeOf(right);
  return isText(left) ? traversal(size) : Array.isArray(left) ? Math.max(1, Math.floor(size / 10)) : 1;
};

const membership: OperatorCost = (_item, range) => (Array.isArray(range) ? range.length : 1);

/** Operators that do not cost one unit whatever their operands are. */
export const OPERATOR_COSTS: Readonly<Record<string, OperatorCost>> = {
  '==': equality,
  '!=': equality,
  '<': comparison,
  '<=': comparison,
  '>': comparison,
  '>=': comparison,
  '+': addition,
  in: membership,
};

function shorter(left: unknown, right: unknown): number {
  return traversal(Math.min(sizeOf(left), sizeOf(right)));
}

function isText(value: unknown): boolean {
  return typeof value === 'string' || value instanceof Uint8Array;
}
