import { createRequire } from 'node:module';

/** What this room uses of the CEL implementation. */
export type Cel = typeof import('@marcbachmann/cel-js');

let library: Cel | undefined;

/** The CEL implementation, loaded when the first rule is compiled: it costs memory that most processes never need. */
export function celLibrary(): Cel {
  library ??= createRequire(import.meta.url)('@marcbachmann/cel-js') as Cel;
  return library;
}

/** An error of a function's argument, which fails the rule. */
export class CelError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CelError';
  }
}
