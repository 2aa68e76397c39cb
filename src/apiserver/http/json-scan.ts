/** One pass over JSON text before it is parsed: depth, keys that occur twice, and keys that are dangerous in JavaScript. */

/** What the scan found. */
export interface JsonScan {
  /** Why the text must be refused whatever it means. */
  readonly refusal?: string;
  /** Paths of keys that occur twice in one object. */
  readonly duplicates: readonly string[];
}

interface Frame {
  /** Keys seen; undefined for a list. */
  readonly keys: Set<string> | undefined;
  /** Last key, or index of the current element. */
  at: string | number;
}

const quote = 34;
const backslash = 92;
const comma = 44;
const openBrace = 123;
const closeBrace = 125;
const openBracket = 91;
const closeBracket = 93;

/** Scans; text that is no JSON may give anything but throws nothing: `JSON.parse` judges it afterwards. */
export function scanJson(text: string, depthLimit: number): JsonScan {
  const scanner = new Scanner(text, depthLimit);
  for (let at = 0; at < text.length && scanner.refusal === undefined; at++) {
    at = scanner.step(at, text.charCodeAt(at));
  }
  const { refusal, duplicates } = scanner;
  return refusal === undefined ? { duplicates } : { refusal, duplicates };
}

class Scanner {
  readonly duplicates: string[] = [];
  refusal: string | undefined;
  readonly #text: string;
  readonly #depthLimit: number;
  readonly #stack: Frame[] = [];
  #expectKey = false;

  constructor(text: string, depthLimit: number) {
    this.#text = text;
    this.#depthLimit = depthLimit;
  }

  /** Takes in what begins at `at` and returns where it ends. */
  step(at: number, code: number): number {
    switch (code) {
      case quote: {
        const end = endOfString(this.#text, at);
        this.#string(at, end);
        return end;
      }
      case openBrace:
      case openBracket:
        this.#open(code === openBrace);
        return at;
      case closeBrace:
      case closeBracket:
        this.#stack.pop();
        this.#expectKey = false;
        return at;
      case comma:
        this.#comma();
        return at;
      default:
        return at;
    }
  }

  #string(start: number, end: number): void {
    const frame = this.#stack.at(-1);
    if (!this.#expectKey || frame?.keys === undefined) {
      return;
    }
    const key = keyText(this.#text, start, end);
    if (key === '__proto__') {
      this.refusal = 'the key "__proto__" is not allowed';
    }
    frame.at = key;
    if (frame.keys.has(key)) {
      this.duplicates.push(pathOf(this.#stack));
    }
    frame.keys.add(key);
    this.#expectKey = false;
  }

  #open(isObject: boolean): void {
    if (this.#stack.length >= this.#depthLimit) {
      this.refusal = `the request body is nested deeper than ${this.#depthLimit} levels`;
    }
    this.#stack.push(isObject ? { keys: new Set(), at: '' } : { keys: undefined, at: 0 });
    this.#expectKey = isObject;
  }

  #comma(): void {
    const frame = this.#stack.at(-1);
    this.#expectKey = frame?.keys !== undefined;
    if (frame !== undefined && frame.keys === undefined) {
      frame.at = Number(frame.at) + 1;
    }
  }
}

/** Index of the closing quote, or of the end of the text. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === backslash) {
      slashes += 1;
    }
    if (slashes % 2 === 0) {
      return end;
    }
  }
  return text.length;
}

function keyText(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end);
  if (!raw.includes('\\')) {
    return raw;
  }
  try {
    return String(JSON.parse(`"${raw}"`));
  } catch (error) {
    if (error instanceof SyntaxError) {
      return raw;
    }
    throw error;
  }
}

function pathOf(stack: readonly Frame[]): string {
  return stack.reduce((path, { at }) => {
    if (typeof at === 'number') {
      return `${path}[${at}]`;
    }
    return path === '' ? at : `${path}.${at}`;
  }, '');
}
