/** Probes and lifecycle hooks of a container. */
import { array, int32, int64, intOrString, object, oneOf, string } from '../schema.ts';

const atomic = { 'x-kubernetes-list-type': 'atomic' } as const;

export const execAction = object({
  command: array(string(), 'Argument vector run in the container; exit status 0 is success.', atomic),
});

export const httpGetAction = object(
  {
    path: string('Path to ask for.', { default: '/' }),
    port: intOrString('Port number or the name of a container port.'),
    host: string('Host to connect to; the pod address when empty.'),
    scheme: oneOf(['HTTP', 'HTTPS'], 'Scheme of the request.', { default: 'HTTP' }),
    httpHeaders: array(
      object({ name: string('Header name.'), value: string('Header value.') }, ['name', 'value']),
      'Headers of the request.',
      atomic,
    ),
  },
  ['port'],
);

export const tcpSocketAction = object(
  {
    port: intOrString('Port number or name.'),
    host: string('Host to connect to; the pod address when empty.'),
  },
  ['port'],
);

const grpcAction = object(
  { port: int32('Port of the gRPC service.'), service: string('Service to ask about.', { default: '' }) },
  ['port'],
);

const timing = {
  initialDelaySeconds: int32('Seconds after start before the first probe.'),
  timeoutSeconds: int32('Seconds until a probe has failed.', { default: 1 }),
  periodSeconds: int32('Seconds between probes.', { default: 10 }),
  successThreshold: int32('Successes in a row that count as success.', { default: 1 }),
  failureThreshold: int32('Failures in a row that count as failure.', { default: 3 }),
  terminationGracePeriodSeconds: int64('Seconds to stop in when the probe fails.'),
};

export const probe = object(
  { exec: execAction, httpGet: httpGetAction, tcpSocket: tcpSocketAction, grpc: grpcAction, ...timing },
  [],
  'A periodic check.',
);

const lifecycleHandler = object({
  exec: execAction,
  httpGet: httpGetAction,
  tcpSocket: tcpSocketAction,
  sleep: object({ seconds: int64('Seconds to sleep.') }, ['seconds']),
});

export const lifecycle = object(
  {
    postStart: lifecycleHandler,
    preStop: lifecycleHandler,
    stopSignal: string('Signal that stops the container; that of the image when empty.'),
  },
  [],
  'Hooks on start and stop.',
);
