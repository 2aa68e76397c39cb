/** One try of a probe or a hook: a command in the container, an HTTP request, a TCP connection. */
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { Container } from '#api/core/pod.ts';
import type { ContainerDriver, ContainerView, ExecSession } from '#drivers/pod/driver.ts';
import { messageOf } from '#machinery/errors.ts';

/** What is done: the common part of probes and hooks. */
export type Handler = Pick<NonNullable<Container['livenessProbe']>, 'exec' | 'httpGet' | 'tcpSocket'>;

/** Where it is done. */
export interface HandlerTarget {
  readonly driver: ContainerDriver;
  readonly view: ContainerView;
  readonly container: Container;
  readonly podIP: string;
}

/** Outcome; the message is what an event tells. */
export interface HandlerResult {
  readonly passed: boolean;
  readonly message: string;
}

const longestMessage = 1024;

/** Tries it once, at most `timeoutMs` long. Never rejects. */
export async function runHandler(
  target: HandlerTarget,
  handler: Handler,
  timeoutMs: number,
): Promise<HandlerResult> {
  try {
    if (handler.exec !== undefined) return await runCommand(target, handler.exec.command ?? [], timeoutMs);
    if (handler.httpGet !== undefined) return await runHttp(target, handler.httpGet, timeoutMs);
    if (handler.tcpSocket !== undefined) return await runTcp(target, handler.tcpSocket, timeoutMs);
    return {
      passed: false,
      message: 'this kind of probe is not supported; allowed are exec, httpGet and tcpSocket',
    };
  } catch (error) {
    return { passed: false, message: messageOf(error).slice(0, longestMessage) };
  }
}

async function runCommand(
  { driver, view }: HandlerTarget,
  argv: readonly string[],
  timeoutMs: number,
): Promise<HandlerResult> {
  const session = await driver.exec(view.id, { argv, terminal: false, stdin: false });
  let output = '';
  const collect = (chunk: Buffer): void => {
    if (output.length < longestMessage) output += chunk.toString();
  };
  session.stdout.on('data', collect);
  session.stderr.on('data', collect);
  const status = await within(session, timeoutMs);
  if (status === undefined) {
    return {
      passed: false,
      message: `command timed out: ${JSON.stringify(argv.join(' '))} timed out after ${timeoutMs / 1000}s`,
    };
  }
  return { passed: status === 0, message: output.trim() || `command ended with status ${status}` };
}

/** Exit status; undefined when it took too long and was ended. */
async function within(session: ExecSession, timeoutMs: number): Promise<number | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs);
  });
  const status = await Promise.race([session.exited, late]);
  clearTimeout(timer);
  if (status === undefined) {
    session.kill();
  }
  return status;
}

async function runTcp(
  target: HandlerTarget,
  { port, host }: NonNullable<Handler['tcpSocket']>,
  timeoutMs: number,
): Promise<HandlerResult> {
  const { driver, view, podIP } = target;
  const number = portNumber(target.container, port);
  const address = host || podIP;
  const passed = await driver.reaches(view.container.netns, number, address, timeoutMs);
  return { passed, message: passed ? '' : `dial tcp ${address}:${number}: connect: connection refused` };
}

async function runHttp(
  target: HandlerTarget,
  action: NonNullable<Handler['httpGet']>,
  timeoutMs: number,
): Promise<HandlerResult> {
  const { driver, view, podIP } = target;
  const port = portNumber(target.container, action.port);
  const address = action.host || podIP;
  const isTls = action.scheme === 'HTTPS';
  const url = `${isTls ? 'https' : 'http'}://${address}:${port}${action.path ?? '/'}`;
  const session = driver.connect(view.container.netns, port, address);
  let said = '';
  session.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString().slice(0, longestMessage);
  });
  const headers = new Map([
    ['host', `${address}:${port}`],
    ['user-agent', 'kube-probe/1.36'],
    ['accept', '*/*'],
    ['connection', 'close'],
    ...(action.httpHeaders ?? []).map(({ name, value }) => [name.toLowerCase(), value] as const),
  ]);
  const head = [...headers]
    .map(([name, value]) => `${name}: ${value}`.replaceAll(/[\r\n]/g, ' '))
    .join('\r\n');
  const path = (action.path ?? '/').replaceAll(/[\s\r\n]/g, '%20');
  try {
    const line = await firstLine(session, isTls, `GET ${path} HTTP/1.1\r\n${head}\r\n\r\n`, timeoutMs);
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(line)?.[1]);
    if (line === '') {
      const why = /refused/.test(said)
        ? `dial tcp ${address}:${port}: connect: connection refused`
        : 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
      return { passed: false, message: `Get "${url}": ${why}` };
    }
    const passed = status >= 200 && status < 400;
    return { passed, message: passed ? '' : `HTTP probe failed with statuscode: ${status}` };
  } finally {
    session.kill();
  }
}

async function firstLine(
  session: ExecSession,
  isTls: boolean,
  request: string,
  timeoutMs: number,
): Promise<string> {
  const plain = Duplex.from({ readable: session.stdout, writable: session.stdin });
  plain.on('error', () => undefined);
  const stream = isTls ? connectTls({ socket: plain, rejectUnauthorized: false }) : plain;
  return new Promise((resolve) => {
    let text = '';
    const finish = (): void => {
      clearTimeout(timer);
      resolve(text.split('\r\n', 1)[0] ?? '');
    };
    const timer = setTimeout(finish, timeoutMs);
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (text.includes('\r\n')) finish();
    });
    stream.once('error', finish);
    stream.once('end', finish);
    void session.exited.then(finish, finish);
    stream.write(request);
  });
}

/** A port by number or by the name of one of the container's ports. */
function portNumber({ name, ports = [] }: Container, port: string | number): number {
  const number = Number(port);
  const found = Number.isInteger(number) ? number : ports.find((one) => one.name === port)?.containerPort;
  if (found === undefined) {
    throw new Error(`container ${name} has no port named ${port}`);
  }
  return found;
}
