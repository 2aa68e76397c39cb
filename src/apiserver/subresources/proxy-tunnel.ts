/** A connection into a pod: through the agent of its node, then TLS where the pod speaks it. */
import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import { type AgentTls, askAgent } from './agent-connection.ts';
import { refusalOf } from './pod-log.ts';
import { type ProxyTarget, unreachable } from './proxy-location.ts';

/** Opens a connection. Rejects with 503 when nobody listens there. */
export async function openTunnel(tls: AgentTls, { agent, isTls }: ProxyTarget): Promise<Duplex> {
  const answer = await askAgent(tls, agent, { connection: 'Upgrade', upgrade: 'tcp' });
  if (answer.type === 'response') {
    throw unreachable((await refusalOf(answer.response)).message);
  }
  const { socket, head } = answer;
  socket.on('error', () => socket.destroy());
  if (head.length > 0) {
    socket.unshift(head);
  }
  return isTls ? secured(socket) : socket;
}

/** As upstream, whoever answers is believed: pods have certificates of anybody's. */
function secured(socket: Duplex): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const secure = connect({ socket, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
    const refuse = (error?: Error) => {
      socket.destroy();
      reject(unreachable(error === undefined ? 'EOF' : `tls: ${error.message}`));
    };
    secure.once('error', refuse);
    socket.once('close', refuse);
    secure.once('secureConnect', () => {
      secure.off('error', refuse);
      socket.off('close', refuse);
      secure.on('error', () => secure.destroy());
      resolve(secure);
    });
  });
}
