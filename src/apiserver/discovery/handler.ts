/** Everything that is no object: discovery, OpenAPI, version, health. */
import { createHash } from 'node:crypto';
import type { KindDefinition } from '#api/kind.ts';
import { methodNotAllowed, noSuchPath, notAcceptable } from '../api-errors.ts';
import { negotiate, servedTypes } from '../http/accept.ts';
import { type Answer, json, text } from '../http/answer.ts';
import { pretty } from '../http/pretty.ts';
import type { RequestInfo } from '../http/request-info.ts';
import { apiVersion } from '../openapi/info.ts';
import { OPENAPI_V2_PROTOBUF, openApiV2Protobuf, wantsProtobuf } from '../openapi/protobuf.ts';
import { openApiV2 } from '../openapi/v2.ts';
import { openApiV3Document, openApiV3Index } from '../openapi/v3.ts';
import type { Catalog } from '../registry/catalog.ts';
import { aggregatedDiscovery } from './aggregated.ts';
import { pathsOf } from './index-paths.ts';
import { apiGroup, apiGroupList, apiResourceList, apiVersions } from './legacy.ts';

/** Version of the Kubernetes API that this server's answers follow; `kubectl` compares its own with it. */
export const serverVersion = {
  major: '1',
  minor: '36',
  gitVersion: `${apiVersion}-patchbay`,
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
} as const;

/** Headers that such a request may be about. */
export interface PlainRequest {
  readonly accept: string | undefined;
  readonly ifNoneMatch: string | undefined;
  readonly localAddress: string;
}

/** Answers a request for no object. Throws 404, 405 or 406. */
export function handlePlain(catalog: Catalog, info: RequestInfo, request: PlainRequest): Answer {
  if (info.verb !== 'get' && info.verb !== 'head') {
    throw methodNotAllowed();
  }
  const { kinds } = catalog;
  const segments = info.path.split('/').filter((segment) => segment !== '');
  const [root = '', first = '', second = ''] = segments;
  if (root === 'version' && segments.length === 1) {
    return pretty(json(serverVersion));
  }
  if (segments.length === 0 || info.path === '/index.html') {
    return pretty(json({ paths: pathsOf(kinds) }));
  }
  if (root === 'openapi') {
    return openApi(kinds, first, segments.slice(2), request);
  }
  if ((root === 'api' || root === 'apis') && segments.length === 1) {
    return discovery(kinds, root === 'api', request);
  }
  const found =
    root === 'api' && segments.length === 2
      ? apiResourceList(kinds, '', first)
      : root === 'apis' && segments.length === 2
        ? apiGroup(kinds, first)
        : root === 'apis' && segments.length === 3
          ? apiResourceList(kinds, first, second)
          : undefined;
  if (found === undefined) {
    throw noSuchPath();
  }
  return json(found);
}

function discovery(kinds: readonly KindDefinition[], core: boolean, request: PlainRequest): Answer {
  const negotiated = negotiate(request.accept, ['APIGroupDiscoveryList']);
  if (negotiated === undefined) {
    throw notAcceptable(servedTypes);
  }
  const { form } = negotiated;
  if (form.as !== 'APIGroupDiscoveryList') {
    return json(core ? apiVersions(request.localAddress) : apiGroupList(kinds));
  }
  const body = aggregatedDiscovery(kinds, core, form.version);
  const contentType = `application/json;g=apidiscovery.k8s.io;v=${form.version};as=APIGroupDiscoveryList`;
  return tagged({ ...json(body), contentType, headers: { vary: 'Accept' } }, request);
}

function openApi(
  kinds: readonly KindDefinition[],
  kind: string,
  rest: readonly string[],
  request: PlainRequest,
): Answer {
  if (kind === 'v2' && rest.length === 0) {
    const answer = wantsProtobuf(request.accept)
      ? { code: 200, body: openApiV2Protobuf(kinds), contentType: OPENAPI_V2_PROTOBUF }
      : json(openApiV2(kinds));
    return tagged({ ...answer, headers: { vary: 'Accept' } }, request);
  }
  if (kind !== 'v3') {
    throw noSuchPath();
  }
  const [root, first = '', second = ''] = rest;
  const document =
    root === undefined
      ? openApiV3Index(kinds)
      : root === 'api'
        ? openApiV3Document(kinds, '', first)
        : root === 'apis'
          ? openApiV3Document(kinds, first, second)
          : undefined;
  if (document === undefined) {
    throw noSuchPath();
  }
  return tagged(json(document), request);
}

/** With an ETag, so that clients that have the answer already are told so (304). */
function tagged(answer: Answer, request: PlainRequest): Answer {
  const etag = `"${createHash('sha256').update(answer.body).digest('hex').toUpperCase()}"`;
  const headers = { ...answer.headers, etag };
  return request.ifNoneMatch === etag ? { ...answer, code: 304, body: '', headers } : { ...answer, headers };
}

/** One health check: a name, and what is wrong or nothing. */
export type HealthCheck = readonly [name: string, fault: () => string | undefined];

/** `/livez`, `/readyz`, `/healthz`, also `?verbose` and one check by its name. */
export function health(info: RequestInfo, checks: readonly HealthCheck[]): Answer {
  const [endpoint = '', only] = info.path.split('/').filter((segment) => segment !== '');
  const excluded = info.query.getAll('exclude');
  const chosen = checks.filter(([name]) => (only === undefined || only === name) && !excluded.includes(name));
  if (only !== undefined && chosen.length === 0) {
    throw noSuchPath();
  }
  const results = chosen.map(([name, check]) => ({ name, fault: check() }));
  const failed = results.some(({ fault }) => fault !== undefined);
  if (!failed && !info.query.has('verbose')) {
    return text('ok');
  }
  const lines = results.map(({ name, fault }) =>
    fault === undefined ? `[+]${name} ok` : `[-]${name} failed: ${fault}`,
  );
  return text(
    [...lines, `${endpoint} check ${failed ? 'failed' : 'passed'}`, ''].join('\n'),
    failed ? 500 : 200,
  );
}
