/** Why a text is no JSON, in the words of Go's decoder, which clients of Kubernetes know. */

/** What is wrong with `text`; undefined when it is JSON. */
export function jsonFault(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch {
    return new Reader(text).fault();
  }
}

const space = /[ \t\r\n]*/y;
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  fault(): string {
    try {
      this.#value();
      this.#skip();
      this.#expect(this.#at >= this.#text.length, 'after top-level value');
      return 'invalid JSON';
    } catch (error) {
      if (error instanceof SyntaxError) return error.message;
      // Deeper than our stack, as Go refuses what is deeper than 10,000.
      if (error instanceof RangeError) return 'exceeded max depth';
      throw error;
    }
  }

  #skip(): void {
    space.lastIndex = this.#at;
    space.test(this.#text);
    this.#at = space.lastIndex;
  }

  #expect(good: boolean, where: string): void {
    if (good) return;
    const char = this.#text.slice(this.#at)[Symbol.iterator]().next().value;
    throw new SyntaxError(
      char === undefined ? 'unexpected end of JSON input' : `invalid character ${quoted(char)} ${where}`,
    );
  }

  #value(): void {
    this.#skip();
    const char = this.#text[this.#at] ?? '';
    if (char === '{') this.#object();
    else if (char === '[') this.#list();
    else if (char === '"') this.#string();
    else if (/[-\d]/.test(char)) this.#number();
    else if (/[tfn]/.test(char)) this.#word({ t: 'true', f: 'false', n: 'null' }[char as 't' | 'f' | 'n']);
    else this.#expect(false, 'looking for beginning of value');
  }

  #object(): void {
    this.#at += 1;
    this.#skip();
    if (this.#take('}')) return;
    do {
      this.#skip();
      this.#expect(this.#text[this.#at] === '"', 'looking for beginning of object key string');
      this.#string();
      this.#skip();
      this.#expect(this.#take(':'), 'after object key');
      this.#value();
      this.#skip();
    } while (this.#take(','));
    this.#expect(this.#take('}'), 'after object key:value pair');
  }

  #list(): void {
    this.#at += 1;
    this.#skip();
    if (this.#take(']')) return;
    do {
      this.#value();
      this.#skip();
    } while (this.#take(','));
    this.#expect(this.#take(']'), 'after array element');
  }

  #string(): void {
    for (this.#at += 1; this.#text[this.#at] !== '"'; this.#at += 1) {
      const char = this.#text[this.#at] ?? '';
      this.#expect(char >= ' ', 'in string literal');
      if (char === '\\') this.#escape();
    }
    this.#at += 1;
  }

  #escape(): void {
    this.#at += 1;
    this.#expect(/["\\/bfnrtu]/.test(this.#text[this.#at] ?? ''), 'in string escape code');
    for (let left = this.#text[this.#at] === 'u' ? 4 : 0; left > 0; left -= 1) {
      this.#at += 1;
      this.#expect(/[\da-fA-F]/.test(this.#text[this.#at] ?? ''), 'in \\u hexadecimal character escape');
    }
  }

  #number(): void {
    number.lastIndex = this.#at;
    const good = number.test(this.#text);
    this.#at = good ? number.lastIndex : this.#at + 1;
    this.#expect(good, 'in numeric literal');
    const rest = this.#text[this.#at];
    if (rest !== '.' && rest !== 'e' && rest !== 'E') return;
    this.#at += 1;
    this.#expect(
      false,
      rest === '.' ? 'after decimal point in numeric literal' : 'in exponent of numeric literal',
    );
  }

  #word(word: string): void {
    for (const [index, wanted] of [...word].entries()) {
      this.#expect(
        this.#text[this.#at] === wanted,
        index === 0 ? 'looking for beginning of value' : `in literal ${word} (expecting '${wanted}')`,
      );
      this.#at += 1;
    }
  }

  #take(char: string): boolean {
    const there = this.#text[this.#at] === char;
    if (there) this.#at += 1;
    return there;
  }
}

function quoted(char: string): string {
  if (char === "'") return "'\\''";
  return char === '"' ? `'"'` : `'${JSON.stringify(char).slice(1, -1)}'`;
}
