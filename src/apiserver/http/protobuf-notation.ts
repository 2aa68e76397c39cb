/**
 * Messages written down as text, one line each: `name=number:type` by blanks. Types: `s` string (left out), `b` bytes, `i`
 * integer, `o` boolean, `d` a number with a fraction, `t` time, `u` time with microseconds, `q` quantity, `x` integer or
 * string, or the name of a message. After it: `[]` list, `{}` map, `?` a pointer (its zero is a value), `!` a message whose
 * fields are the parent's own.
 */
import type { Field, FieldType, Message } from './protobuf.ts';

const scalars: Readonly<Record<string, FieldType>> = {
  s: 'string',
  b: 'bytes',
  i: 'int',
  o: 'bool',
  d: 'double',
  t: 'time',
  u: 'microTime',
  q: 'quantity',
  x: 'intOrString',
};
const pointers: Readonly<Record<string, FieldType>> = { i: 'int?', o: 'bool?', s: 'string?' };
const fieldForm = /^([\w$-]+)=(\d+)(?::(\w+)(\[\]|\{\}|\?|!)?)?$/;

/** Reads messages; each is made when it is first asked for. `given` are messages that are written down elsewhere. */
export function readMessages(
  texts: Readonly<Record<string, string>>,
  given: Readonly<Record<string, Message>>,
): (name: string) => Message {
  const made = new Map<string, Message>(Object.entries(given));
  const messageOf = (name: string): Message => {
    const known = made.get(name);
    if (known !== undefined) {
      return known;
    }
    const fields: Record<number, Field> = {};
    const message: Message = { fields };
    // Known before its fields are read: messages hold each other.
    made.set(name, message);
    const text = texts[name];
    if (text === undefined) {
      throw new TypeError(`message ${name} is not written down`);
    }
    for (const word of text.split(' ').filter((one) => one !== '')) {
      const [, json = '', number = '', type = 's', suffix = ''] = fieldForm.exec(word) ?? [];
      if (number === '') {
        throw new TypeError(`message ${name}: ${JSON.stringify(word)} is no field`);
      }
      fields[Number(number)] = fieldOf(json, type, suffix, messageOf);
    }
    return message;
  };
  return messageOf;
}

function fieldOf(name: string, type: string, suffix: string, messageOf: (name: string) => Message): Field {
  const plain = scalars[type] ?? messageOf(type);
  switch (suffix) {
    case '[]':
      return { name, type: plain, many: 'list' };
    case '{}':
      return { name, type: plain, many: 'map' };
    case '!':
      return { name, type: plain, merged: true };
    case '?':
      return { name, type: pointers[type] ?? plain, pointer: true };
    default:
      return { name, type: plain };
  }
}
