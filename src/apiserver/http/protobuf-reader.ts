/** Fields of a protobuf message one after the other. */
import { badRequest } from '../api-errors.ts';

/** A field's value before its type is known. */
export type Raw = Buffer | number;

/** Reads one message. Every fault is a 400. */
export class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** A varint as a signed 64-bit number; beyond 53 bits it is refused. */
  varint(): number {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) {
        break;
      }
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        const signed = Number(BigInt.asIntN(64, value));
        if (Number.isSafeInteger(signed)) {
          return signed;
        }
        break;
      }
    }
    throw badRequest(
      'the protobuf body is damaged: it ends in the middle of a number, or the number is too large',
    );
  }

  value(wire: number): Raw {
    if (wire === 0) {
      return this.varint();
    }
    if (wire === 1) {
      this.#at += 8;
      return this.#bytes.subarray(this.#at - 8, this.#at);
    }
    if (wire !== 2) {
      throw badRequest(`the protobuf body is damaged: wire type ${wire}`);
    }
    const length = this.varint();
    const start = this.#at;
    if (length < 0 || start + length > this.#bytes.length) {
      throw badRequest('the protobuf body is damaged: it ends in the middle of a field');
    }
    this.#at = start + length;
    return this.#bytes.subarray(start, this.#at);
  }
}
