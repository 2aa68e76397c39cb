/**
 * Kubernetes' protobuf form of request bodies. kubectl sends it for the objects that it makes itself (`kubectl create
 * configmap`), whatever the server says; answers are always JSON, which such clients accept.
 * Wire format: https://protobuf.dev/programming-guides/encoding/ ; envelope: apimachinery `runtime/serializer/protobuf`.
 */
import { badRequest } from '../api-errors.ts';
import { type Raw, Reader } from './protobuf-reader.ts';

/** Type of a field. `?` marks optional ones, whose zero is a value; the zero of others means absent, as in Go's JSON. */
export type FieldType =
  | 'string'
  | 'string?'
  | 'bytes'
  | 'int'
  | 'int?'
  | 'bool'
  | 'bool?'
  | 'double'
  | 'time'
  | 'microTime'
  | 'quantity'
  | 'intOrString'
  | 'json'
  | Message;

/** A field of a message. */
export interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly many?: 'list' | 'map';
  /** An empty message is a value (`emptyDir: {}`). */
  readonly pointer?: boolean;
  /** The fields of the message are those of its parent in JSON. */
  readonly merged?: boolean;
}

/** Fields by their number. */
export interface Message {
  readonly fields: Readonly<Record<number, Field>>;
  /** Field that stands for the whole message in JSON. */
  readonly inline?: string;
}

const magic = Buffer.from([0x6b, 0x38, 0x73, 0x00]);
const deepest = 64;

const typeMeta: Message = {
  fields: { 1: { name: 'apiVersion', type: 'string' }, 2: { name: 'kind', type: 'string' } },
};
const envelope: Message = {
  fields: {
    1: { name: 'typeMeta', type: typeMeta },
    2: { name: 'raw', type: 'bytes' },
    3: { name: 'contentEncoding', type: 'string' },
    4: { name: 'contentType', type: 'string' },
  },
};

/** Decodes a body to the same value that its JSON form has. Throws 400 for damaged bytes and for kinds that are not known. */
export function decodeProtobuf(
  bytes: Buffer,
  messages: ReadonlyMap<string, Message>,
): Record<string, unknown> {
  if (!bytes.subarray(0, magic.length).equals(magic)) {
    throw badRequest('the request body is no Kubernetes protobuf: it does not begin with "k8s\\0"');
  }
  const outer = decode(envelope, bytes.subarray(magic.length), 0);
  const { apiVersion, kind } = (outer['typeMeta'] ?? {}) as Readonly<Record<string, string | undefined>>;
  const message = messages.get(`${apiVersion}/${kind}`);
  if (message === undefined) {
    throw badRequest(
      `objects of ${apiVersion}, Kind=${kind} are not read as protobuf: send them as JSON or YAML`,
    );
  }
  const raw = Buffer.from(typeof outer['raw'] === 'string' ? outer['raw'] : '', 'base64');
  return { apiVersion, kind, ...decode(message, raw, 0) };
}

function decode(message: Message, bytes: Buffer, depth: number): Record<string, unknown> {
  if (depth > deepest) {
    throw badRequest('the protobuf body is nested too deep');
  }
  const result: Record<string, unknown> = {};
  const reader = new Reader(bytes);
  while (!reader.done) {
    const tag = reader.varint();
    const field = message.fields[tag >>> 3];
    const raw = reader.value(tag & 7);
    if (field === undefined) {
      throw badRequest(
        `field ${tag >>> 3} of the protobuf body is not known: send the object as JSON or YAML`,
      );
    }
    put(result, field, raw, depth);
  }
  return result;
}

function put(result: Record<string, unknown>, field: Field, raw: Raw, depth: number): void {
  if (field.many === 'map') {
    const entry: Message = {
      fields: { 1: { name: 'key', type: 'string' }, 2: { name: 'value', type: field.type } },
    };
    const { key = '', value = '' } = decode(entry, bytesOf(raw), depth + 1);
    if (key === '__proto__') {
      throw badRequest('the key "__proto__" is not allowed');
    }
    const map = (result[field.name] ?? {}) as Record<string, unknown>;
    map[String(key)] = value;
    result[field.name] = map;
    return;
  }
  const value =
    fieldValue(field.type, raw, depth) ?? (field.pointer === true ? zeroOf(field.type) : undefined);
  if (field.merged === true) {
    Object.assign(result, value);
    return;
  }
  if (field.many === 'list') {
    const list = (result[field.name] ?? []) as unknown[];
    // The zero of a scalar is an element all the same; only a field may be left out for it.
    list.push(value ?? zeroOf(field.type));
    result[field.name] = list;
  } else if (value !== undefined) {
    result[field.name] = value;
  }
}

function fieldValue(type: FieldType, raw: Raw, depth: number): unknown {
  switch (type) {
    case 'string':
      return bytesOf(raw).toString('utf8') || undefined;
    case 'string?':
      return bytesOf(raw).toString('utf8');
    case 'double':
      return doubleOf(bytesOf(raw));
    case 'quantity':
      return decode(quantityMessage, bytesOf(raw), depth + 1)['text'];
    case 'microTime':
      return microTime(bytesOf(raw), depth);
    case 'bytes':
      return bytesOf(raw).toString('base64') || undefined;
    case 'int':
      return numberOf(raw) === 0 ? undefined : numberOf(raw);
    case 'int?':
      return numberOf(raw);
    case 'bool':
      return numberOf(raw) === 0 ? undefined : true;
    case 'bool?':
      return numberOf(raw) !== 0;
    case 'time':
      return time(bytesOf(raw), depth);
    case 'intOrString':
      return intOrString(bytesOf(raw), depth);
    case 'json':
      return json(bytesOf(raw));
    default: {
      const value = decode(type, bytesOf(raw), depth + 1);
      if (type.inline !== undefined) {
        return value[type.inline] ?? [];
      }
      return Object.keys(value).length === 0 ? undefined : value;
    }
  }
}

function zeroOf(type: FieldType): unknown {
  switch (type) {
    case 'string':
    case 'string?':
    case 'bytes':
      return '';
    case 'quantity':
      return '0';
    case 'time':
    case 'microTime':
      return null;
    case 'int':
      return 0;
    case 'bool':
      return false;
    default:
      return {};
  }
}

const timeMessage: Message = {
  fields: { 1: { name: 'seconds', type: 'int' }, 2: { name: 'nanos', type: 'int' } },
};

const quantityMessage: Message = { fields: { 1: { name: 'text', type: 'string' } } };

function microTime(bytes: Buffer, depth: number): string | undefined {
  const { seconds, nanos = 0 } = decode(timeMessage, bytes, depth + 1);
  const micros = String(Math.floor(Number(nanos) / 1000)).padStart(6, '0');
  return typeof seconds === 'number'
    ? new Date(seconds * 1000).toISOString().replace('.000Z', `.${micros}Z`)
    : undefined;
}

function time(bytes: Buffer, depth: number): string | undefined {
  const seconds = decode(timeMessage, bytes, depth + 1)['seconds'];
  return typeof seconds === 'number'
    ? new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
    : undefined;
}

const intOrStringMessage: Message = {
  fields: {
    1: { name: 'type', type: 'int?' },
    2: { name: 'int', type: 'int?' },
    3: { name: 'text', type: 'string' },
  },
};

function intOrString(bytes: Buffer, depth: number): unknown {
  const { type, int = 0, text = '' } = decode(intOrStringMessage, bytes, depth + 1);
  return type === 1 ? text : int;
}

/** `FieldsV1` travels as JSON. */
function json(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw badRequest('the protobuf body is damaged: a field that holds JSON does not');
  }
}

function doubleOf(bytes: Buffer): number {
  if (bytes.length !== 8) {
    throw badRequest('the protobuf body is damaged: eight bytes belong to a number with a fraction');
  }
  return bytes.readDoubleLE(0);
}

function bytesOf(raw: Raw): Buffer {
  if (typeof raw === 'number') {
    throw badRequest('the protobuf body is damaged: a number stands where text or a message belongs');
  }
  return raw;
}

function numberOf(raw: Raw): number {
  if (typeof raw !== 'number') {
    throw badRequest('the protobuf body is damaged: text stands where a number belongs');
  }
  return raw;
}
