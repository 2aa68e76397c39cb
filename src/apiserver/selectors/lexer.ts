/** A token of a label selector; `text` is what error messages show. */
export interface Token {
  readonly kind:
    | 'identifier'
    | 'end'
    | 'in'
    | 'notin'
    | '='
    | '=='
    | '!='
    | '!'
    | '('
    | ')'
    | ','
    | '<'
    | '>';
  readonly text: string;
}

/** Where a token stands: `in` and `notin` are words in a key or value, operators elsewhere. */
export type Position = 'value' | 'operator';

const SPACE = /[ \t\r\n]*/y;
const SYMBOL = /==|!=|[=!(),<>]/y;
const WORD = /[^ \t\r\n=!(),<>]+/y;

/** Cuts a label selector into tokens, as apimachinery's lexer does. */
export class LabelLexer {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  peek(position: Position): Token {
    const at = this.#at;
    const token = this.next(position);
    this.#at = at;
    return token;
  }

  next(position: Position): Token {
    this.#take(SPACE);
    if (this.#at >= this.#text.length) {
      return { kind: 'end', text: '' };
    }
    const symbol = this.#take(SYMBOL);
    if (symbol !== '') {
      return { kind: symbol as Token['kind'], text: symbol };
    }
    const word = this.#take(WORD);
    const isOperator = position === 'operator' && (word === 'in' || word === 'notin');
    return { kind: isOperator ? word : 'identifier', text: word };
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }
}
