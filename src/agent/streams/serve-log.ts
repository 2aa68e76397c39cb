/** `GET /containerLogs/NAMESPACE/POD/CONTAINER`. */
import { createReadStream } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { formatEntry } from '#drivers/pod/cri-log.ts';
import type { ContainerDriver } from '#drivers/pod/driver.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { type LogQuery, logEntries } from './follow.ts';
import { podOf, runForLog, type StreamBackend, vmiUidOf } from './pod-target.ts';

/** Answers. Throws PatchbayErrors of `streamCodes` before anything is sent. */
export async function serveLog(
  backend: StreamBackend,
  driver: ContainerDriver,
  [namespace, name, container]: readonly [string, string, string],
  query: URLSearchParams,
  response: ServerResponse,
): Promise<void> {
  const pod = podOf(backend, namespace, name);
  const vmi = vmiUidOf(pod);
  if (vmi !== undefined) {
    await serveSerial(backend, vmi, response);
    return;
  }
  const options = readQuery(query, Date.now());
  const view = runForLog(backend, pod, container, query.get('previous') === 'true');
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  begin(response);
  let left = limitOf(query);
  for await (const entry of logEntries(driver, view, options, gone.signal)) {
    const bytes = formatEntry(entry, query.get('timestamps') === 'true').subarray(0, left);
    left -= bytes.length;
    if (!response.write(bytes)) await drained(response);
    if (left <= 0 || gone.signal.aborted) break;
  }
  response.end();
}

/** A guest's serial line is what its pod prints. */
async function serveSerial(backend: StreamBackend, vmi: string, response: ServerResponse): Promise<void> {
  const file = await backend.serialLog(vmi);
  begin(response);
  if (file === undefined) {
    response.end();
    return;
  }
  await pipeline(createReadStream(file), response);
}

function begin(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.flushHeaders();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}

/** Reads `PodLogOptions` of a query. @throws PatchbayError `BadRequest` */
export function readQuery(query: URLSearchParams, now: number): LogQuery {
  const tail = numberOf(query, 'tailLines');
  const seconds = numberOf(query, 'sinceSeconds');
  const time = query.get('sinceTime');
  const since = time === null ? (seconds === undefined ? undefined : now - seconds * 1000) : Date.parse(time);
  if (Number.isNaN(since)) {
    throw refused(`sinceTime ${JSON.stringify(time)} is no time; write it as 2026-01-01T00:00:00Z`);
  }
  const only = query.get('stream')?.toLowerCase();
  return {
    follow: query.get('follow') === 'true',
    ...(tail !== undefined && { tail }),
    ...(since !== undefined && { since }),
    ...((only === 'stdout' || only === 'stderr') && { only }),
  };
}

function limitOf(query: URLSearchParams): number {
  return numberOf(query, 'limitBytes') ?? Number.POSITIVE_INFINITY;
}

function numberOf(query: URLSearchParams, key: string): number | undefined {
  const text = query.get(key);
  if (text === null || text === '') {
    return undefined;
  }
  if (!/^\d{1,15}$/.test(text)) {
    throw refused(`${key} ${JSON.stringify(text)}: must be greater than or equal to 0`);
  }
  return Number(text);
}

function refused(message: string): PatchbayError {
  return new PatchbayError('BadRequest', message, { retryable: false });
}
