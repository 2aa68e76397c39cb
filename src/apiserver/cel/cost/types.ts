import { type Declaration, dyn, plain } from './declaration.ts';
import type { Size } from './size.ts';

/** A node of the CEL package's syntax tree, as it was parsed and checked. */
export interface CostNode {
  readonly op: string;
  readonly args: unknown;
  readonly checkedType?: CheckedType;
}

/** A type as the CEL package's checker found it. */
interface CheckedType {
  readonly kind: string;
  readonly name: string;
  readonly valueType?: CheckedType;
}

/** What is known of the items of a list or the entries of a map that an expression made. */
export interface Entry {
  readonly container: 'list' | 'map';
  readonly key: Size;
  readonly value: Size;
}

/** What is known of a node. */
export interface Estimate {
  /** Most cost units. */
  readonly cost: number;
  /** The way from a variable through the schema (`@items`, `@keys`, `@values` and fields); empty for what was made. */
  readonly path: readonly string[];
  readonly type: Declaration;
  /** Undefined when nothing says. */
  readonly size: Size | undefined;
  readonly entry: Entry | undefined;
  /** The value itself, of a literal. */
  readonly literal?: unknown;
}

/** A variable. */
export interface Variable {
  readonly path: readonly string[];
  readonly type: Declaration;
  readonly size?: Size | undefined;
  readonly entry?: Entry | undefined;
}

export type Scope = ReadonlyMap<string, Variable>;

/** What estimates a node; the walk over the tree is one. */
export interface Estimator {
  of(node: CostNode, scope: Scope): Estimate;
  result(cost: number, type: Declaration, size?: Size, entry?: Entry): Estimate;
  sizeAt(path: readonly string[]): Size | undefined;
}

const NAMES: Readonly<Record<string, string>> = {
  'google.protobuf.Timestamp': 'timestamp',
  'google.protobuf.Duration': 'duration',
};

/** The type that the checker found for a node. */
export function declaredAs({ checkedType }: CostNode): Declaration {
  return checkedType === undefined ? dyn : typeOf(checkedType);
}

function typeOf({ kind, name, valueType }: CheckedType): Declaration {
  switch (kind) {
    case 'list':
    case 'map':
    case 'optional':
      return plain(kind, valueType === undefined ? dyn : typeOf(valueType));
    case 'dyn':
    case 'param':
      return dyn;
    default:
      return plain(NAMES[name] ?? name);
  }
}
