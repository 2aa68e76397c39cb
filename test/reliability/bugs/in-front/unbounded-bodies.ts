import type * as real from '#apiserver/http/body.ts';

export * from '#apiserver/http/body.ts';

export const readBody: typeof real.readBody = async (request) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
};
