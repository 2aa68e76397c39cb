import { CelError } from '../library.ts';

/** CEL's `string.format`: `%s %d %f %e %x %X %o %b %%`, with a precision for `%f` and `%e`. */
export function formatString(text: string, values: readonly unknown[]): string {
  let used = 0;
  const out = text.replaceAll(
    /%(?:%|(?:\.(\d{1,3}))?([a-zA-Z]))/g,
    (whole: string, precision: string | undefined, verb: string) => {
      if (whole === '%%') {
        return '%';
      }
      if (used >= values.length) {
        throw new CelError(`index ${used} out of range`);
      }
      const value = values[used];
      used += 1;
      return formatOne(verb, value, precision === undefined ? 6 : Number(precision));
    },
  );
  return out;
}

function formatOne(verb: string, value: unknown, precision: number): string {
  switch (verb) {
    case 's':
      return plain(value);
    case 'd':
      return typeof value === 'bigint' || typeof value === 'number' ? String(value) : refuse(verb, value);
    case 'f':
      return Number(value).toFixed(Math.min(precision, 100));
    case 'e':
      return Number(value)
        .toExponential(Math.min(precision, 100))
        .replace(/e([+-])(\d)$/, 'e$10$2');
    case 'x':
    case 'X': {
      const hex = typeof value === 'bigint' ? value.toString(16) : Buffer.from(String(value)).toString('hex');
      return verb === 'X' ? hex.toUpperCase() : hex;
    }
    case 'o':
      return typeof value === 'bigint' ? value.toString(8) : refuse(verb, value);
    case 'b':
      return typeof value === 'bigint' ? value.toString(2) : refuse(verb, value);
    default:
      throw new CelError(`unrecognized formatting clause "${verb}"`);
  }
}

function refuse(verb: string, value: unknown): never {
  throw new CelError(`%${verb} cannot print ${typeof value}`);
}

function plain(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${value.map(plain).join(', ')}]`;
  }
  if (value instanceof Map) {
    const entries = [...value].map(([key, inner]) => `${plain(key)}: ${plain(inner)}`).toSorted();
    return `{${entries.join(', ')}}`;
  }
  if (value instanceof Date) {
    return value.toISOString().replace('.000Z', 'Z');
  }
  return String(value);
}
