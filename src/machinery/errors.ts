/** An error that says what was tried on what, and whether trying again can help. */
export class PatchbayError extends Error {
  /** CamelCase reason, usable as a condition's or an Event's `reason`. */
  readonly reason: string;
  /** False: the input must change first; the work queue does not retry. */
  readonly retryable: boolean;

  constructor(reason: string, message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'PatchbayError';
    this.reason = reason;
    this.retryable = options.retryable ?? true;
  }
}

/** An API server's refusal: the `Status` object it answered. */
export class ApiError extends PatchbayError {
  readonly code: number;
  readonly status: StatusBody;

  constructor(status: StatusBody) {
    super(
      status.reason ?? 'Unknown',
      status.message ?? `the API server answered ${status.code ?? 'nothing'}`,
      {
        retryable: ![400, 403, 405, 422].includes(status.code ?? 0),
      },
    );
    this.name = 'ApiError';
    this.code = status.code ?? 500;
    this.status = status;
  }
}

/** `meta/v1 Status`, as far as clients read it. */
export interface StatusBody {
  readonly kind?: 'Status';
  readonly apiVersion?: 'v1';
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly status?: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: {
    readonly name?: string;
    readonly group?: string;
    readonly kind?: string;
    readonly uid?: string;
    readonly causes?: readonly {
      readonly reason?: string;
      readonly field?: string;
      readonly message?: string;
    }[];
    readonly retryAfterSeconds?: number;
  };
}

/** True when the object asked for is not there. */
export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.code === 404;
}

/** True when somebody else wrote the object first. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.code === 409;
}

/** The message of anything thrown, with its causes, on one line. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  return error.cause === undefined ? error.message : `${error.message}: ${messageOf(error.cause)}`;
}
