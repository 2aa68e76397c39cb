import type { KindDefinition } from '#api/kind.ts';

/** Being written: the body of `GET /openapi/v3`. */
export declare function openApiV3Index(kinds: readonly KindDefinition[]): Readonly<Record<string, unknown>>;

/** Being written: the body of `GET /openapi/v3/api/v1` or `/openapi/v3/apis/<group>/<version>`; undefined when nothing is served there. */
export declare function openApiV3Document(
  kinds: readonly KindDefinition[],
  group: string,
  version: string,
): Readonly<Record<string, unknown>> | undefined;
