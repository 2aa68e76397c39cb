import { PatchbayError } from '#machinery/errors.ts';
import { labelValueErrors, qualifiedNameErrors } from '../schema/names.ts';
import { LabelLexer, type Token } from './lexer.ts';

type Labels = Readonly<Record<string, string>> | undefined;

/** Decides by an object's labels. */
export type LabelMatcher = (labels: Labels) => boolean;

const OPERATORS = ['in', 'notin', '=', '==', '!=', 'gt', 'lt'];
const BINARY: ReadonlySet<string> = new Set(['in', 'notin', '=', '==', '!=', '>', '<']);

/**
 * A label selector (`a=b,c in (d,e),!f`), with the grammar and errors of apimachinery's `labels.Parse`.
 * @throws PatchbayError `BadRequest`: `unable to parse requirement: found '(', expected: identifier`.
 */
export function parseLabelSelector(text: string): LabelMatcher {
  const requirements = new Parser(text).parse();
  if (requirements.length === 1 && requirements[0] !== undefined) {
    return requirements[0];
  }
  return (labels) => requirements.every((matches) => matches(labels));
}

function bad(message: string): PatchbayError {
  return new PatchbayError('BadRequest', message, { retryable: false });
}

function unparsable(message: string): PatchbayError {
  return bad(`unable to parse requirement: ${message}`);
}

class Parser {
  readonly #lexer: LabelLexer;

  constructor(text: string) {
    this.#lexer = new LabelLexer(text);
  }

  parse(): LabelMatcher[] {
    const requirements: LabelMatcher[] = [];
    while (this.#peek().kind !== 'end') {
      const next = this.#peek();
      if (next.kind !== 'identifier' && next.kind !== '!') {
        throw bad(`found '${next.text}', expected: !, identifier, or 'end of string'`);
      }
      requirements.push(this.#requirement());
      const after = this.#lexer.next('operator');
      if (after.kind === 'end') {
        break;
      }
      if (after.kind !== ',') {
        throw bad(`found '${after.text}', expected: ',' or 'end of string'`);
      }
      const following = this.#peek();
      if (following.kind !== 'identifier' && following.kind !== '!') {
        throw bad(`found '${following.text}', expected: identifier after ','`);
      }
    }
    return requirements;
  }

  #peek(): Token {
    return this.#lexer.peek('value');
  }

  #requirement(): LabelMatcher {
    let token = this.#lexer.next('value');
    const negated = token.kind === '!';
    if (negated) {
      token = this.#lexer.next('value');
    }
    if (token.kind !== 'identifier') {
      throw unparsable(`found '${token.text}', expected: identifier`);
    }
    const key = token.text;
    checkKey(key);
    const next = this.#peek();
    if (negated) {
      return (labels) => !has(labels, key);
    }
    return next.kind === 'end' || next.kind === ',' ? (labels) => has(labels, key) : this.#comparison(key);
  }

  #comparison(key: string): LabelMatcher {
    const operator = this.#lexer.next('operator');
    if (!BINARY.has(operator.kind)) {
      throw unparsable(`found '${operator.text}', expected: ${OPERATORS.join(', ')}`);
    }
    const isSet = operator.kind === 'in' || operator.kind === 'notin';
    const values = isSet ? this.#valueSet() : [this.#exactValue()];
    if (operator.kind === '<' || operator.kind === '>') {
      return order(key, operator.kind, values[0] ?? '');
    }
    values.forEach((value, index) => {
      checkValue(key, value, index);
    });
    const wanted = new Set(values);
    return operator.kind === 'notin' || operator.kind === '!='
      ? (labels) => !has(labels, key) || !wanted.has(labels?.[key] ?? '')
      : (labels) => has(labels, key) && wanted.has(labels?.[key] ?? '');
  }

  #exactValue(): string {
    const next = this.#peek();
    if (next.kind === 'end' || next.kind === ',') {
      return '';
    }
    const token = this.#lexer.next('value');
    if (token.kind !== 'identifier') {
      throw unparsable(`found '${token.text}', expected: identifier`);
    }
    return token.text;
  }

  #valueSet(): string[] {
    const open = this.#lexer.next('value');
    if (open.kind !== '(') {
      throw unparsable(`found '${open.text}' expected: '('`);
    }
    const first = this.#peek();
    if (first.kind === ')') {
      throw unparsable("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty");
    }
    if (first.kind !== 'identifier' && first.kind !== ',') {
      throw unparsable(`found '${first.text}', expected: ',', ')' or identifier`);
    }
    return this.#valueList();
  }

  /** `a,b)`, where nothing between two commas is the empty value. */
  #valueList(): string[] {
    const values: string[] = [];
    for (;;) {
      if (this.#peek().kind === 'identifier') {
        values.push(this.#lexer.next('value').text);
      } else {
        values.push('');
      }
      const after = this.#lexer.next('value');
      if (after.kind === ')') {
        return values;
      }
      if (after.kind !== ',') {
        throw unparsable(`found '${after.text}', expected: ',' or ')'`);
      }
    }
  }
}

function has(labels: Labels, key: string): boolean {
  return labels !== undefined && Object.hasOwn(labels, key);
}

function order(key: string, operator: '<' | '>', text: string): LabelMatcher {
  if (!/^[+-]?\d{1,19}$/.test(text)) {
    throw unparsable(
      `values[0]: Invalid value: ${JSON.stringify(text)}: for 'Gt', 'Lt' operators, the value must be an integer`,
    );
  }
  const bound = BigInt(text);
  return (labels) => {
    const value = labels?.[key] ?? '';
    if (!has(labels, key) || !/^-?\d{1,19}$/.test(value)) {
      return false;
    }
    return operator === '>' ? BigInt(value) > bound : BigInt(value) < bound;
  };
}

function checkKey(key: string): void {
  const [error] = qualifiedNameErrors(key);
  if (error !== undefined) {
    throw unparsable(`key: Invalid value: ${JSON.stringify(key)}: ${error}`);
  }
}

function checkValue(key: string, value: string, index: number): void {
  const [error] = labelValueErrors(value);
  if (error !== undefined) {
    throw unparsable(`values[${index}][${key}]: Invalid value: ${JSON.stringify(value)}: ${error}`);
  }
}
