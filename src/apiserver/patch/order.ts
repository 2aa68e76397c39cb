/** What tells list items apart: items with equal text stand for the same thing. */
export type Identity = (item: unknown) => string;

/**
 * Orders a merged list as apimachinery's `strategicpatch` does: items named in `order` stand in that order, the others in
 * that of `before`; the two runs are woven so that `before`'s order holds where it knows both, and new items come first.
 */
export function mergeOrder(
  merged: readonly unknown[],
  order: readonly unknown[],
  before: readonly unknown[],
  identity: Identity,
): unknown[] {
  const inOrder = ranksOf(order, identity);
  const inBefore = ranksOf(before, identity);
  const rank = (ranks: ReadonlyMap<string, number>, item: unknown) => ranks.get(identity(item)) ?? -1;
  const named = merged
    .filter((item) => rank(inOrder, item) >= 0)
    .toSorted((a, b) => rank(inOrder, a) - rank(inOrder, b));
  const others = merged
    .filter((item) => rank(inOrder, item) < 0)
    .toSorted((a, b) => rank(inBefore, a) - rank(inBefore, b));
  const result: unknown[] = [];
  let [left, right] = [0, 0];
  while (left < others.length && right < named.length) {
    const [a, b] = [rank(inBefore, others[left]), rank(inBefore, named[right])];
    if (a >= 0 && b >= 0 && a < b) {
      result.push(others[left]);
      left += 1;
    } else {
      result.push(named[right]);
      right += 1;
    }
  }
  return [...result, ...named.slice(right), ...others.slice(left)];
}

function ranksOf(list: readonly unknown[], identity: Identity): ReadonlyMap<string, number> {
  const ranks = new Map<string, number>();
  list.forEach((item, index) => {
    const id = identity(item);
    if (!ranks.has(id)) {
      ranks.set(id, index);
    }
  });
  return ranks;
}
