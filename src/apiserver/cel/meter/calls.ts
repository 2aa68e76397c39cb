/** What functions cost when they run, besides their arguments (cel-go `interpreter/runtimecost.go`, apiserver `pkg/cel/library/cost.go`). */
import { CelCidr } from '../functions/network.ts';
import { deepTraversal, NEW_LIST, selfComparison, sizeOf, traversal } from './sizes.ts';

/** Units of a call by its values, the receiver first. */
export type CallCost = (values: readonly unknown[]) => number;

/** Characters of a regular expression that count as one unit. */
const REGEX_FACTOR = 0.25;
/** Characters of the regular expression behind a named format. */
const FORMAT_REGEX = 128;

const scanned: CallCost = ([text]) => traversal(sizeOf(text));
const scannedTwice: CallCost = ([text]) => traversal(sizeOf(text), 0.2);
const argumentScanned: CallCost = ([, text]) => traversal(sizeOf(text));
const everything: CallCost = ([list]) => deepTraversal(list);
const searched: CallCost = ([text, pattern]) => regex(text, sizeOf(pattern));

function regex(text: unknown, pattern: number): number {
  return traversal(sizeOf(text) + 1) * traversal(pattern, REGEX_FACTOR);
}

function sets(factor: number): CallCost {
  return ([a, b]) => 1 + factor * sizeOf(a) * sizeOf(b);
}

function joined([list, separator]: readonly unknown[]): number {
  const texts = Array.isArray(list) ? (list as readonly unknown[]) : [];
  const gaps = Math.max(0, texts.length - 1) * (separator === undefined ? 0 : sizeOf(separator));
  return traversal(
    texts.reduce<number>((size, text) => size + sizeOf(text), gaps),
    0.2,
  );
}

/** Both are compared as far as the network's prefix goes; a text is read first. */
function contained([cidr, other]: readonly unknown[]): number {
  return traversal(2 * sizeOf(cidr)) + (typeof other === 'string' ? traversal(other.length) : 0);
}

const compared: CallCost = ([list]) => selfComparison(Array.isArray(list) ? list : []);
const size = (value: unknown) => (typeof value === 'bigint' ? Number(value) : 0);
const sliced: CallCost = ([, start, end]) => Math.max(0, size(end) - size(start)) + NEW_LIST;
const flattened: CallCost = ([list, depth]) =>
  (depth === undefined ? 1 : Math.max(0, size(depth))) * sizeOf(list) + NEW_LIST;

/** Units of a time in another zone: it takes longer here than in cel-go, which counts 1. */
const ZONED = 100;
const zoned: CallCost = ({ length }) => (length > 1 ? ZONED : 1);

/** Units of asking for a permission: two in an expression are what a run may cost. */
const AUTHORIZATION = 350_000;

/** Functions that do not cost one unit. */
export const CALL_COSTS: Readonly<Record<string, CallCost>> = {
  check: () => AUTHORIZATION,
  getDate: zoned,
  getDayOfMonth: zoned,
  getDayOfWeek: zoned,
  getDayOfYear: zoned,
  getFullYear: zoned,
  getHours: zoned,
  getMinutes: zoned,
  getMonth: zoned,
  getSeconds: zoned,
  startsWith: argumentScanned,
  endsWith: argumentScanned,
  bytes: scanned,
  string: ([value]) => (value instanceof Uint8Array ? traversal(value.length) : 1),
  format: scanned,
  'strings.quote': scanned,
  matches: searched,
  find: searched,
  findAll: searched,
  contains: ([text, part]) => traversal(sizeOf(text)) * traversal(sizeOf(part)),
  isSorted: everything,
  sum: everything,
  min: everything,
  max: everything,
  indexOf: everything,
  lastIndexOf: everything,
  includes: everything,
  url: scanned,
  lowerAscii: scanned,
  upperAscii: scanned,
  substring: scanned,
  trim: scanned,
  replace: scannedTwice,
  split: scannedTwice,
  join: joined,
  cidr: scanned,
  isIP: scanned,
  isCIDR: scanned,
  ip: ([value]) => (value instanceof CelCidr ? 1 : traversal(sizeOf(value))),
  'ip.isCanonical': scannedTwice,
  containsIP: contained,
  containsCIDR: (values) => contained(values) + traversal(sizeOf(values[0])) + 1,
  slice: sliced,
  flatten: flattened,
  reverse: ([list]) => sizeOf(list) + NEW_LIST,
  distinct: compared,
  sort: compared,
  'lists.range': ([items]) => Math.max(0, size(items)) + NEW_LIST,
  semver: scanned,
  isSemver: scanned,
  quantity: scanned,
  isQuantity: scanned,
  validate: ([, text]) => regex(text, FORMAT_REGEX),
  'sets.contains': sets(1),
  'sets.intersects': sets(1),
  'sets.equivalent': sets(2),
};
