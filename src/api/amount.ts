/** Exact resource quantities and their canonical text (apimachinery `api/resource`). */

/** A quantity in billionths, with the form it was written in. */
export interface Amount {
  readonly nano: bigint;
  readonly form: 'decimal' | 'binary' | 'exponent';
}

const PATTERN = /^([+-]?)(\d*)(?:\.(\d*))?(?:([eE])([+-]?\d+)|([KMGTPE]i|[numkMGTPE]))?$/;
const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const NANO = 1_000_000_000n;
/** No quantity has more digits, so that none costs much to add up. */
const MAX_DIGITS = 64;

export const zero: Amount = { nano: 0n, form: 'decimal' };

/** Reads `500m`, `1.5Gi`, `1e3` or a number; what is none counts as nothing (the schema has refused it). */
export function amountOf(value: unknown): Amount {
  const text = String(value ?? '0');
  const match = text.length > MAX_DIGITS ? null : PATTERN.exec(text);
  const [, sign = '', whole = '', fraction = '', exponential, exponent = '0', suffix = ''] = match ?? [];
  if (whole === '' && fraction === '') {
    return zero;
  }
  const digits = BigInt(`${whole}${fraction}`) * (sign === '-' ? -1n : 1n);
  const form = exponential !== undefined ? 'exponent' : suffix.endsWith('i') ? 'binary' : 'decimal';
  const power = form === 'binary' ? 0 : exponentOf(exponential, exponent, suffix);
  const factor = form === 'binary' ? 1024n ** BigInt(BINARY.indexOf(suffix)) : 1n;
  return { nano: scaled(digits * factor, 9 - fraction.length + power), form };
}

/** A count. */
export function countOf(number: number | bigint): Amount {
  return { nano: BigInt(number) * NANO, form: 'decimal' };
}

function exponentOf(exponential: string | undefined, exponent: string, suffix: string): number {
  if (exponential !== undefined) {
    return Math.max(-30, Math.min(30, Number(exponent)));
  }
  return 3 * (DECIMAL.indexOf(suffix) - 3);
}

/** Times ten to the power, rounded up as upstream rounds what is below a billionth. */
function scaled(value: bigint, power: number): bigint {
  if (power >= 0) {
    return value * 10n ** BigInt(power);
  }
  const divisor = 10n ** BigInt(-power);
  const quotient = value / divisor;
  return value % divisor > 0n ? quotient + 1n : quotient;
}

/** The sum, in the form of the first that is not zero. */
export function plus(a: Amount, b: Amount): Amount {
  return { nano: a.nano + b.nano, form: a.nano === 0n ? b.form : a.form };
}

/** The difference, in the form of the first that is not zero. */
export function minus(a: Amount, b: Amount): Amount {
  return { nano: a.nano - b.nano, form: a.nano === 0n ? b.form : a.form };
}

/** The greater one. */
export function most(a: Amount, b: Amount): Amount {
  return b.nano > a.nano ? b : a;
}

/** Thousandths, rounded up: what CPU is counted in. */
export function milliOf({ nano }: Amount): number {
  return roundedUp(nano, NANO / 1000n);
}

/** Whole units, rounded up: what memory and all else is counted in. */
export function unitsOf({ nano }: Amount): number {
  return roundedUp(nano, NANO);
}

function roundedUp(nano: bigint, unit: bigint): number {
  const quotient = nano / unit;
  return Number(nano % unit > 0n ? quotient + 1n : quotient);
}

/** Canonical text: no fraction, the greatest suffix that loses nothing. */
export function amountText({ nano, form }: Amount): string {
  const whole = nano / NANO;
  if (form === 'binary' && nano % NANO === 0n && (whole >= 1024n || whole <= -1024n)) {
    return shortened(whole, 1024n, BINARY.length - 1, (step) => BINARY[step] ?? '');
  }
  return shortened(nano, 1000n, DECIMAL.length - 1, (step) =>
    form === 'exponent' ? (step === 3 ? '' : `e${3 * (step - 3)}`) : (DECIMAL[step] ?? ''),
  );
}

function shortened(value: bigint, base: bigint, last: number, suffix: (step: number) => string): string {
  if (value === 0n) {
    return '0';
  }
  let left = value;
  let step = 0;
  while (step < last && left % base === 0n) {
    left /= base;
    step += 1;
  }
  return `${left}${suffix(step)}`;
}
