import type { Environment } from '@marcbachmann/cel-js';
import { celLibrary } from '../library.ts';
import { celEqual } from './equal.ts';

type List = readonly unknown[];

/** What CEL's optional types have besides what the package knows (cel-go `cel/library.go`, version 2); macros are elsewhere. */
export function registerOptionals(environment: Environment): void {
  const { Optional } = celLibrary();
  const unwrap = (list: List) =>
    list.flatMap((item) => (item instanceof Optional && item.hasValue() ? [item.value()] : []));
  const at = (index: number) => (list: List) =>
    list.length === 0 ? Optional.none() : Optional.of(list.at(index));
  environment
    .registerFunction('OptionalNamespace.ofNonZeroValue(A): optional<A>', (_: unknown, value: unknown) =>
      isZero(value) ? Optional.none() : Optional.of(value),
    )
    .registerFunction('OptionalNamespace.unwrap(list): list<dyn>', (_: unknown, list: List) => unwrap(list))
    .registerFunction('list.unwrapOpt(): list<dyn>', unwrap)
    .registerFunction('list.first(): optional<dyn>', at(0))
    .registerFunction('list.last(): optional<dyn>', at(-1))
    .registerOperator('optional<dyn> == optional<dyn>', celEqual)
    // cel-go takes null for any optional; the two are never equal.
    .registerOperator('optional<dyn> == null', () => false);
}

/** Nothing, 0, false, empty, or the beginning of time: what a field has that nobody set. */
function isZero(value: unknown): boolean {
  if (value === null || value === false || value === '' || value === 0 || value === 0n) {
    return true;
  }
  if (typeof value !== 'object') {
    return false;
  }
  if (Array.isArray(value) || value instanceof Uint8Array) {
    return value.length === 0;
  }
  if (value instanceof Map) {
    return value.size === 0;
  }
  return value.constructor === Object ? Object.keys(value).length === 0 : Number(value.valueOf()) === 0;
}
