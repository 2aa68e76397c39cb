/** Reads JSON that a person wrote, and says where and how it is broken. */

/** A value, or what is wrong and where (both from 1). */
export type JsonReading =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'broken'; readonly problem: string; readonly line: number; readonly column: number };

/** Deeper nesting is refused: nobody writes it, and the search below is recursive. */
const MAX_DEPTH = 64;

class Broken extends Error {
  readonly offset: number;

  constructor(problem: string, offset: number) {
    super(problem);
    this.name = 'Broken';
    this.offset = offset;
  }
}

/** Parses JSON text. */
export function readJson(text: string): JsonReading {
  try {
    const scanner = new Scanner(text);
    scanner.document();
    return { kind: 'value', value: JSON.parse(text) };
  } catch (error) {
    const offset = error instanceof Broken ? error.offset : text.length;
    const before = text.slice(0, offset).split('\n');
    const problem = error instanceof Error ? error.message : String(error);
    return { kind: 'broken', problem, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
  }
}

/** Walks JSON text once and stops at the first character that breaks it. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): void {
    this.#blank();
    if (this.#at === this.#text.length) throw new Broken('the text is empty', this.#at);
    this.#value(0);
    this.#blank();
    if (this.#at < this.#text.length) this.#fail(`there is more after the end: ${this.#seen()}`);
  }

  #value(depth: number): void {
    if (depth > MAX_DEPTH) this.#fail(`nested more than ${MAX_DEPTH} deep`);
    const next = this.#text[this.#at];
    if (next === '{') this.#list('}', depth, () => this.#member(depth));
    else if (next === '[') this.#list(']', depth, () => this.#value(depth + 1));
    else if (next === '"') this.#string();
    else this.#word();
  }

  #list(close: '}' | ']', depth: number, item: () => void): void {
    this.#at += 1;
    this.#blank();
    if (this.#take(close)) return;
    for (;;) {
      item();
      this.#blank();
      if (this.#take(close)) return;
      if (!this.#take(',')) this.#fail(`expected ',' or '${close}' at ${this.#seen()}${this.#ended(depth)}`);
      this.#blank();
      if (this.#text[this.#at] === close) this.#fail(`there must be no comma before '${close}'`);
    }
  }

  #member(depth: number): void {
    if (this.#text[this.#at] !== '"') this.#fail(`expected a name in double quotes at ${this.#seen()}`);
    this.#string();
    this.#blank();
    if (!this.#take(':')) this.#fail(`expected ':' after the name at ${this.#seen()}`);
    this.#blank();
    this.#value(depth + 1);
  }

  #string(): void {
    const start = this.#at;
    const match = /"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
    match.lastIndex = start;
    const found = match.exec(this.#text);
    if (found === null)
      throw new Broken('the text in double quotes does not end on its line, or has a wrong escape', start);
    this.#at += found[0].length;
  }

  #word(): void {
    const match = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/y;
    match.lastIndex = this.#at;
    const found = match.exec(this.#text);
    if (found === null) this.#fail(`expected a value at ${this.#seen()}; text must be in double quotes`);
    else this.#at += found[0].length;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #blank(): void {
    while (' \t\r\n'.includes(this.#text[this.#at] ?? 'x')) this.#at += 1;
  }

  #seen(): string {
    const rest = this.#text.slice(this.#at).match(/^(?:[\w.+-]+|.)/u)?.[0];
    return rest === undefined ? 'the end of the text' : JSON.stringify(rest.slice(0, 20));
  }

  #ended(depth: number): string {
    return this.#at === this.#text.length ? `, ${depth + 1} bracket(s) are still open` : '';
  }

  #fail(problem: string): never {
    throw new Broken(problem, this.#at);
  }
}
