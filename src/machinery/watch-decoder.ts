/** Newline-delimited JSON of a watch. */
import type { KubeObject } from '#api/meta.ts';
import type { WatchEvent } from './api-client.ts';
import { ApiError, PatchbayError } from './errors.ts';

const newline = 0x0a;

/**
 * Decodes the body of a watch as it arrives.
 * @throws ApiError when the server sends an `ERROR` event, PatchbayError `InvalidAnswer` when a line is no event.
 */
export async function* decodeWatch<T extends KubeObject>(
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<WatchEvent<T>> {
  let rest: Buffer[] = [];
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      const line = Buffer.concat([...rest, chunk.subarray(start, end)]).toString('utf8');
      rest = [];
      start = end + 1;
      if (line.trim() !== '') {
        yield parseEvent<T>(line);
      }
    }
    if (start < chunk.length) {
      rest.push(chunk.subarray(start));
    }
  }
}

function parseEvent<T extends KubeObject>(line: string): WatchEvent<T> {
  const event = parseLine(line);
  switch (event.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK':
      return { type: event.type, object: event.object as T };
    case 'ERROR':
      throw new ApiError(event.object);
    default:
      throw new PatchbayError(
        'InvalidAnswer',
        `the watch sent an event of unknown type ${JSON.stringify(event.type)}`,
      );
  }
}

function parseLine(line: string): { readonly type: unknown; readonly object: object } {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch (cause) {
    throw new PatchbayError('InvalidAnswer', `the watch sent a line that is no JSON: ${line.slice(0, 100)}`, {
      cause,
    });
  }
  if (typeof event !== 'object' || event === null || !('type' in event) || !('object' in event)) {
    throw new PatchbayError('InvalidAnswer', `the watch sent a line that is no event: ${line.slice(0, 100)}`);
  }
  if (typeof event.object !== 'object' || event.object === null) {
    throw new PatchbayError(
      'InvalidAnswer',
      `the watch sent an event without an object: ${line.slice(0, 100)}`,
    );
  }
  return { type: event.type, object: event.object };
}
