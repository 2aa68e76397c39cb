/** What is refused of YAML before it is parsed, since parsing would take too much of everybody's thread. */
import { Lexer } from 'yaml';

/**
 * Most tokens (lines, items, keys, quotes) of a body in YAML. Reading one takes some microseconds; clients that send much
 * (`kubectl`) send JSON.
 */
const tokenLimit = 20_000;

/** Before a token that is content, however it looks; see `CST.SCALAR` of the package. */
const scalarMark = '\u001f';

/** Characters that may begin or end a token, by code. */
const signs = new Uint8Array(128);
for (const sign of '\n\r,:?[]{}"\'&*!|>%@`#-') {
  signs[sign.charCodeAt(0)] = 1;
}

/** Why this is not parsed; undefined: it may be, which says nothing about whether it is YAML. */
export function refusalOfYaml(text: string, depthLimit: number): string | undefined {
  const { parts, brackets } = measure(text, tokenLimit);
  if (parts > tokenLimit) {
    return `the YAML of the request body has more than ${tokenLimit} tokens: send it as JSON`;
  }
  return brackets > depthLimit && isDeep(text, depthLimit)
    ? `the request body is nested deeper than ${depthLimit} levels`
    : undefined;
}

/** At least the number of tokens that the text can have, counted up to a limit, and of them the opening brackets. */
function measure(text: string, limit: number): { readonly parts: number; readonly brackets: number } {
  let parts = 0;
  let brackets = 0;
  for (let at = 0; at < text.length && parts <= limit; at++) {
    const code = text.charCodeAt(at);
    if (signs[code] === 1) {
      parts += 1;
      brackets += code === 0x5b || code === 0x7b ? 1 : 0;
    }
  }
  return { parts, brackets };
}

/** Whether brackets that are no content nest deeper. Unlike the parser, the lexer keeps nothing on the stack. */
function isDeep(text: string, limit: number): boolean {
  let depth = 0;
  let isContent = false;
  for (const token of new Lexer().lex(text)) {
    if (!isContent && (token === '[' || token === '{')) {
      depth += 1;
      if (depth > limit) {
        return true;
      }
    } else if (!isContent && (token === ']' || token === '}')) {
      depth -= 1;
    }
    isContent = token === scalarMark;
  }
  return false;
}
