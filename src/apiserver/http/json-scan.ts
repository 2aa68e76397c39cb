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
  const stack: Frame[] = [];
  const duplicates: string[] = [];
  let expectKey = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      const end = endOfString(text, at);
      const frame = stack.at(-1);
      if (expectKey && frame?.keys !== undefined) {
        const key = keyText(text, at, end);
        if (key === '__proto__') {
          return { refusal: 'the key "__proto__" is not allowed', duplicates };
        }
        frame.at = key;
        if (frame.keys.size === frame.keys.add(key).size) {
          duplicates.push(pathOf(stack));
        }
        expectKey = false;
      }
      at = end;
    } else if (code === openBrace || code === openBracket) {
      if (stack.length >= depthLimit) {
        return { refusal: `the request body is nested deeper than ${depthLimit} levels`, duplicates };
      }
      stack.push(code === openBrace ? { keys: new Set(), at: '' } : { keys: undefined, at: 0 });
      expectKey = code === openBrace;
    } else if (code === closeBrace || code === closeBracket) {
      stack.pop();
      expectKey = false;
    } else if (code === comma) {
      expectKey = nextElement(stack.at(-1));
    }
  }
  return { duplicates };
}

/** True when a key follows the comma. */
function nextElement(frame: Frame | undefined): boolean {
  if (frame?.keys === undefined && frame !== undefined) {
    frame.at = Number(frame.at) + 1;
  }
  return frame?.keys !== undefined;
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
