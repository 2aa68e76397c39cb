/** Reading request bodies: bounded in size and depth, never trusted. */
import { jsonFault } from '#api/json-fault.ts';
import { messageOf } from '#machinery/errors.ts';
import { parseYaml } from '#machinery/yaml.ts';
import { badRequest, tooLarge, unsupportedMediaType } from '../api-errors.ts';
import type { Incoming } from './exchange.ts';
import { scanJson } from './json-scan.ts';
import { decodeProtobuf } from './protobuf.ts';
import { protobufMessages } from './protobuf-messages.ts';
import { refusalOfYaml } from './yaml-bounds.ts';

/** Most bytes a request body may have, as in kube-apiserver. */
const bodyLimit = 3 * 1024 * 1024;

/** Deepest nesting of a request body. */
const depthLimit = 64;

/** Most bytes read from a client that goes on sending a body which was refused; then it has a moment to read the answer. */
const patience = 1024 * 1024;
const goodbyeMs = 250;

/** A decoded body. */
export interface Decoded {
  readonly value: unknown;
  /** Paths of keys that occur twice, such as `data.a`; the last one counts. */
  readonly duplicates: readonly string[];
}

/** Reads the whole body. Rejects with 413 above the limit. */
export function readBody(request: Incoming): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > bodyLimit) {
    return Promise.reject(tooLarge(bodyLimit));
  }
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    return Promise.reject(unsupportedMediaType(['application/json', 'application/yaml']));
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > bodyLimit) {
        chunks.length = 0;
        reject(tooLarge(bodyLimit));
        if (size > bodyLimit + patience && !request.isPaused()) {
          // A connection that is cut at once takes the answer with it, however much is read before.
          request.pause();
          setTimeout(() => request.destroy(), goodbyeMs);
        }
      } else {
        chunks.push(chunk);
      }
    });
    request.on('end', () =>
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)),
    );
    request.on('error', reject);
    request.on('aborted', () => reject(badRequest('the request was aborted')));
  });
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/** Media type without parameters, in lower case. */
export function mediaType(header: string | undefined): string {
  return (header ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** A body as text. Throws 400 when it is no UTF-8. */
export function bodyText(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw badRequest(`the request body is not UTF-8: ${messageOf(error)}`);
  }
}

/** Decodes a body that creates or replaces an object. Throws 415 for other media types and 400 for what cannot be read. */
export function decodeBody(bytes: Buffer, contentType: string | undefined): Decoded {
  switch (mediaType(contentType)) {
    case '':
    case 'application/json':
      return decodeJson(bodyText(bytes));
    case 'application/yaml':
    case 'text/yaml':
      return decodeYaml(bodyText(bytes));
    case 'application/vnd.kubernetes.protobuf':
      return { value: decodeProtobuf(bytes, protobufMessages), duplicates: [] };
    default:
      throw unsupportedMediaType([
        'application/json',
        'application/yaml',
        'application/vnd.kubernetes.protobuf',
      ]);
  }
}

/** Decodes JSON. */
export function decodeJson(text: string): Decoded {
  const scan = scanJson(text, depthLimit);
  if (scan.refusal !== undefined) {
    throw badRequest(scan.refusal);
  }
  try {
    return { value: JSON.parse(text), duplicates: scan.duplicates };
  } catch (error) {
    throw badRequest(`error decoding the request body: ${jsonFault(text) ?? messageOf(error)}`);
  }
}

/** Decodes one document of YAML (or JSON, its subset) the way Kubernetes does: as YAML 1.1, as far as that differs. */
export function decodeYaml(text: string): Decoded {
  if (/^\s*\{/.test(text)) {
    return decodeJson(text);
  }
  const refusal = refusalOfYaml(text, depthLimit);
  if (refusal !== undefined) {
    throw badRequest(refusal);
  }
  return decodeJson(yamlToJson(text));
}

function yamlToJson(text: string): string {
  try {
    const value = parseYaml(text, { version: '1.1', maxAliasCount: 16 });
    // Through JSON: dates, maps with odd keys and shared references of YAML must not get any further.
    return JSON.stringify(value) ?? 'null';
  } catch (error) {
    // The parser throws errors of many kinds (syntax, aliases, merge keys, too deep for the stack): all are the text's fault.
    throw badRequest(`error converting YAML to JSON: ${messageOf(error)}`);
  }
}
