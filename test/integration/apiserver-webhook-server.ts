/** A real HTTPS server that answers admission reviews, for tests. */
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createAuthority, issueCertificate } from '#certs/certificates.ts';

/** `request` of an AdmissionReview. */
export interface ReviewRequest {
  readonly uid: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly operation: string;
  readonly object: Json | null;
  readonly oldObject: Json | null;
  readonly [field: string]: unknown;
}

type Json = Readonly<Record<string, unknown>> & {
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
};

/** Fields of the response besides `uid`; a function sends what it likes. */
export type Reply = (request: ReviewRequest, text: string) => Promise<object> | object;

export interface WebhookServer {
  readonly url: string;
  readonly caBundle: string;
  /** Requests by path, in order. */
  readonly seen: Map<string, ReviewRequest[]>;
  readonly bodies: Map<string, string[]>;
  /** How many TCP connections were opened. */
  connections(): number;
  answer(path: string, reply: Reply): void;
  close(): Promise<void>;
}

/** A JSON patch as a response carries it. */
export function patchOf(...operations: readonly object[]): object {
  const patch = Buffer.from(JSON.stringify(operations)).toString('base64');
  return { allowed: true, patchType: 'JSONPatch', patch };
}

export async function startWebhookServer(): Promise<WebhookServer> {
  const authority = await createAuthority('webhook-ca');
  const pair = await issueCertificate(authority, {
    commonName: 'webhook',
    names: ['127.0.0.1', 'hook.default.svc'],
    usage: 'server',
  });
  const replies = new Map<string, Reply>();
  const seen = new Map<string, ReviewRequest[]>();
  const bodies = new Map<string, string[]>();
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer(pair, (request, response) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      const review = (JSON.parse(text) as { readonly request: ReviewRequest }).request;
      seen.set(path, [...(seen.get(path) ?? []), review]);
      bodies.set(path, [...(bodies.get(path) ?? []), text]);
      const reply = replies.get(path);
      if (reply === undefined) {
        response.writeHead(404).end();
        return;
      }
      void Promise.resolve(reply(review, text)).then((fields) => {
        if (!response.destroyed) {
          response.setHeader('content-type', 'application/json');
          response.end(
            JSON.stringify(
              'apiVersion' in fields || 'raw' in fields
                ? fields
                : {
                    apiVersion: 'admission.k8s.io/v1',
                    kind: 'AdmissionReview',
                    response: { uid: review.uid, ...fields },
                  },
            ),
          );
        }
      });
    });
  });
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '0.0.0.0', resolve);
  });
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    caBundle: Buffer.from(authority.cert).toString('base64'),
    seen,
    bodies,
    connections: () => connections,
    answer: (path, reply) => void replies.set(path, reply),
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) {
          socket.destroy();
        }
        server.close(() => {
          resolve();
        });
      }),
  };
}
