import type { KindDefinition } from '#api/kind.ts';

/** Being written: the body of `GET /openapi/v2` as JSON. */
export declare function openApiV2(kinds: readonly KindDefinition[]): Readonly<Record<string, unknown>>;
