/**
 * Several streams in one WebSocket, as Kubernetes does for exec and attach (`v4.channel.k8s.io`, `v5.channel.k8s.io`):
 * the first byte of each binary message is the channel. Pure.
 */

/** Subprotocols, best first. Version 5 adds the closing of one channel. */
export const channelProtocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const;

/** Channels of a command. */
export const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

/** One message. */
export type ChannelMessage =
  | { readonly type: 'data'; readonly channel: number; readonly payload: Buffer }
  /** No more comes on that channel. */
  | { readonly type: 'close'; readonly channel: number };

/** Reads a message; undefined for one that is none. */
export function decodeChannel(message: Buffer): ChannelMessage | undefined {
  const channel = message[0];
  if (channel === undefined) {
    return undefined;
  }
  const payload = message.subarray(1);
  if (channel !== channels.close) {
    return { type: 'data', channel, payload };
  }
  const closed = payload[0];
  return closed === undefined || payload.length !== 1 ? undefined : { type: 'close', channel: closed };
}

/** Writes a message. */
export function encodeChannel(channel: number, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(channel), payload]);
}

/** Size of a terminal in a message on the resize channel; undefined when it is none. */
export function decodeResize(
  payload: Buffer,
): { readonly width: number; readonly height: number } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString());
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const fields = new Map<string, unknown>(
    typeof value === 'object' && value !== null ? Object.entries(value) : [],
  );
  const [width, height] = [fields.get('Width'), fields.get('Height')];
  return isSize(width) && isSize(height) ? { width, height } : undefined;
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 65_535;
}

/** The Status that ends a command, for the error channel (apimachinery `remotecommand`). */
export function exitStatus(exitCode: number): Readonly<Record<string, unknown>> {
  if (exitCode === 0) {
    return { metadata: {}, status: 'Success' };
  }
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  };
}
