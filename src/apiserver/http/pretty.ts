/** JSON for people: curl, wget and browsers get it indented, as kube-apiserver's serializer does. */
import type { Answer, PiecesAnswer, StreamAnswer } from './answer.ts';
import type { Incoming } from './exchange.ts';

const people = /^(curl|Wget|Mozilla\/5\.0)/;
const truths: ReadonlySet<string> = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);

/** Whether the client shall get indented JSON: `?pretty=`, or else by its name. OpenAPI is for programs alone. */
export function wantsPretty({ url = '', headers }: Incoming): boolean {
  const at = url.indexOf('?');
  const pretty = at < 0 ? '' : (new URLSearchParams(url.slice(at)).get('pretty') ?? '');
  return url.startsWith('/openapi/')
    ? false
    : pretty === ''
      ? people.test(String(headers['user-agent'] ?? ''))
      : truths.has(pretty);
}

/** An answer with its JSON indented; other answers, and streams, as they are. */
export function pretty<A extends Answer | PiecesAnswer | StreamAnswer>(answer: A): A {
  if ('stream' in answer) {
    return answer;
  }
  if ('pieces' in answer) {
    return { ...answer, pieces: indentJson(answer.pieces) };
  }
  const { body, contentType = 'application/json' } = answer;
  return typeof body === 'string' && contentType.startsWith('application/json')
    ? { ...answer, body: [...indentJson([body])].join('') }
    : answer;
}

/** Indents JSON by two spaces, text by text, so that long answers are never in memory as a whole. */
export function* indentJson(texts: Iterable<string>): Generator<string> {
  const indenter = new Indenter();
  for (const text of texts) {
    yield indenter.take(text);
  }
}

/** Where an indenter is: what it was given so far decides how the next text is written. */
class Indenter {
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** An object or list was opened and nothing came since. */
  #opened = false;

  take(text: string): string {
    let out = '';
    for (let at = 0; at < text.length; at += 1) {
      if (this.#inString) {
        const end = this.#endOfString(text, at);
        out += text.slice(at, end);
        at = end - 1;
      } else {
        out += this.#mark(text[at] ?? '');
      }
    }
    return out;
  }

  #endOfString(text: string, from: number): number {
    for (let at = from; at < text.length; at += 1) {
      const char = text[at];
      if (this.#escaped) {
        this.#escaped = false;
      } else if (char === '\\') {
        this.#escaped = true;
      } else if (char === '"') {
        this.#inString = false;
        return at + 1;
      }
    }
    return text.length;
  }

  #mark(char: string): string {
    if (char === ' ' || char === '\n' || char === '\r' || char === '\t') {
      return '';
    }
    if (char === '}' || char === ']') {
      this.#depth -= 1;
      const end = this.#opened ? char : this.#line() + char;
      this.#opened = false;
      return end;
    }
    const before = this.#opened ? this.#line() : '';
    this.#opened = char === '{' || char === '[';
    if (this.#opened) {
      this.#depth += 1;
    }
    this.#inString = char === '"';
    return before + (char === ',' ? char + this.#line() : char === ':' ? ': ' : char);
  }

  #line(): string {
    return `\n${'  '.repeat(this.#depth)}`;
  }
}
