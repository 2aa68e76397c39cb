import type { FieldsV1 } from './types.ts';

/**
 * A set of fields of an object, as a tree. An element is `f:<field>`, `k:<keys as JSON>`, `v:<value as JSON>` or `i:<index>`,
 * as in FieldsV1. https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
 */
export class FieldSet {
  /** Elements that are themselves in the set. */
  readonly members = new Set<string>();
  /** Elements below which there are members. */
  readonly children = new Map<string, FieldSet>();

  /** Reads `fieldsV1`; what is no object is taken as empty. */
  static fromV1(fields: unknown): FieldSet {
    const set = new FieldSet();
    for (const [element, below] of Object.entries(
      typeof fields === 'object' && fields !== null ? fields : {},
    )) {
      if (element === '.') {
        continue;
      }
      const child = FieldSet.fromV1(below);
      if (child.isEmpty || Object.hasOwn(below as object, '.')) {
        set.members.add(element);
      }
      if (!child.isEmpty) {
        set.children.set(element, child);
      }
    }
    return set;
  }

  get isEmpty(): boolean {
    return this.members.size === 0 && this.children.size === 0;
  }

  /** The child set of an element, made when it is not there. */
  at(element: string): FieldSet {
    let child = this.children.get(element);
    if (child === undefined) {
      child = new FieldSet();
      this.children.set(element, child);
    }
    return child;
  }

  /** True when the element or anything below it is in the set. */
  covers(element: string): boolean {
    return this.members.has(element) || this.children.has(element);
  }

  /** Sorted, so that equal sets give equal JSON. */
  toV1(): FieldsV1 {
    const fields: Record<string, FieldsV1> = {};
    for (const element of [...new Set([...this.members, ...this.children.keys()])].toSorted()) {
      const below = this.children.get(element)?.toV1() ?? {};
      fields[element] =
        this.members.has(element) && this.children.has(element) ? { '.': {}, ...below } : below;
    }
    return fields;
  }

  union(other: FieldSet): FieldSet {
    const result = new FieldSet();
    for (const set of [this, other]) {
      for (const element of set.members) {
        result.members.add(element);
      }
    }
    for (const element of new Set([...this.children.keys(), ...other.children.keys()])) {
      const [mine, theirs] = [this.children.get(element), other.children.get(element)];
      const both = mine === undefined ? theirs : theirs === undefined ? mine : mine.union(theirs);
      if (both !== undefined) {
        result.children.set(element, both);
      }
    }
    return result;
  }

  difference(other: FieldSet): FieldSet {
    return this.#filter(
      (element) => !other.members.has(element),
      (element, child) => {
        const theirs = other.children.get(element);
        return theirs === undefined ? child : child.difference(theirs);
      },
    );
  }

  intersection(other: FieldSet): FieldSet {
    return this.#filter(
      (element) => other.members.has(element),
      (element, child) => {
        const theirs = other.children.get(element);
        return theirs === undefined ? undefined : child.intersection(theirs);
      },
    );
  }

  equals(other: FieldSet): boolean {
    return (
      this.members.size === other.members.size &&
      this.children.size === other.children.size &&
      [...this.members].every((element) => other.members.has(element)) &&
      [...this.children].every(([element, child]) => other.children.get(element)?.equals(child) === true)
    );
  }

  /** Every member as upstream prints it: `.spec.parts[name="left"].weight`. Sorted. */
  paths(prefix = ''): string[] {
    const elements = [...new Set([...this.members, ...this.children.keys()])].toSorted();
    return elements.flatMap((element) => {
      const path = `${prefix}${printElement(element)}`;
      return [
        ...(this.members.has(element) ? [path] : []),
        ...(this.children.get(element)?.paths(path) ?? []),
      ];
    });
  }

  #filter(
    keeps: (element: string) => boolean,
    below: (element: string, child: FieldSet) => FieldSet | undefined,
  ): FieldSet {
    const result = new FieldSet();
    for (const element of this.members) {
      if (keeps(element)) {
        result.members.add(element);
      }
    }
    for (const [element, child] of this.children) {
      const kept = below(element, child);
      if (kept !== undefined && !kept.isEmpty) {
        result.children.set(element, kept);
      }
    }
    return result;
  }
}

function printElement(element: string): string {
  const text = element.slice(2);
  switch (element.charAt(0)) {
    case 'f':
      return `.${text}`;
    case 'k': {
      const keys = Object.entries(JSON.parse(text) as Record<string, unknown>);
      return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`;
    }
    case 'v':
      return `[=${text}]`;
    default:
      return `[${text}]`;
  }
}
