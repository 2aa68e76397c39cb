import { PatchbayError } from '#machinery/errors.ts';

/** An error that only another input, or the remedy named, can help. */
export function refusal(reason: string, message: string, remedy: string): PatchbayError {
  return new PatchbayError(reason, `${message}; ${remedy}`, { retryable: false });
}
