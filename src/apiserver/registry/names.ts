import { randomInt } from 'node:crypto';

const suffixAlphabet = 'bcdfghjklmnpqrstvwxz2456789';
const suffixLength = 5;

/** A name for `generateName`: five random characters, the base shortened so that labels can hold it. */
export function generatedName(base: string): string {
  let suffix = '';
  for (let i = 0; i < suffixLength; i++) {
    suffix += suffixAlphabet[randomInt(suffixAlphabet.length)];
  }
  return `${base.slice(0, 63 - suffixLength)}${suffix}`;
}
