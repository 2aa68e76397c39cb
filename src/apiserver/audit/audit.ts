/** The audit log: who did what, as `audit.k8s.io/v1` Events of level Metadata, one JSON line each; never a body. */
import { randomUUID } from 'node:crypto';
import { microTimestamp } from '#machinery/clock.ts';
import type { User } from '../auth/user.ts';
import type { Incoming } from '../http/exchange.ts';
import type { RequestInfo } from '../http/request-info.ts';

/** A request as the audit log tells it. */
export interface AuditedRequest {
  readonly request: Incoming;
  readonly info: RequestInfo;
  /** Milliseconds since the epoch. */
  readonly received: number;
  readonly user: User | undefined;
  readonly impersonated: User | undefined;
  readonly allowed: boolean;
  readonly reason: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Kinds that components write all the time about themselves. */
const chatter: ReadonlySet<string> = new Set(['leases', 'events']);
const longest = 1024;

/**
 * The policy: everything that changes something, is refused, or reads secrets; other reads by people and programs, not
 * those of the cluster's own components; no discovery, no leases and events of components.
 */
export function isAudited({ info, user, allowed }: AuditedRequest, code: number): boolean {
  if (!allowed || code === 401 || code === 403 || user === undefined) {
    return true;
  }
  const reads = info.verb === 'get' || info.verb === 'list' || info.verb === 'watch' || info.verb === 'head';
  const component = user.name.startsWith('system:node:') || user.name.startsWith('system:patchbay:');
  if (!info.isResource) {
    return !reads;
  }
  if (reads) {
    return info.resource === 'secrets' || !component;
  }
  return !(component && chatter.has(info.resource));
}

/** The line of an event, without its end. */
export function auditLine(
  audited: AuditedRequest,
  stage: 'ResponseStarted' | 'ResponseComplete',
  code: number,
  now: number,
): string {
  const { request, info, user, impersonated, allowed, reason, annotations } = audited;
  return JSON.stringify({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: randomUUID(),
    stage,
    requestURI: (request.url ?? '').slice(0, longest),
    verb: info.verb,
    user: user === undefined ? {} : shown(user),
    ...(impersonated === undefined ? {} : { impersonatedUser: shown(impersonated) }),
    sourceIPs: [request.socket.remoteAddress ?? ''],
    userAgent: String(request.headers['user-agent'] ?? '').slice(0, longest),
    ...(info.isResource ? { objectRef: objectRef(info) } : {}),
    responseStatus: { metadata: {}, code },
    requestReceivedTimestamp: microTimestamp(audited.received),
    stageTimestamp: microTimestamp(now),
    annotations: {
      'authorization.k8s.io/decision': allowed ? 'allow' : 'forbid',
      'authorization.k8s.io/reason': reason,
      ...annotations,
    },
  });
}

function shown({ name, uid, groups, extra }: User): object {
  return {
    username: name,
    ...(uid === undefined ? {} : { uid }),
    groups,
    ...(extra === undefined ? {} : { extra }),
  };
}

function objectRef({ resource, namespace, name, group, version, subresource }: RequestInfo): object {
  return {
    resource,
    ...(namespace === '' ? {} : { namespace }),
    ...(name === '' ? {} : { name }),
    ...(group === '' ? {} : { apiGroup: group }),
    apiVersion: version,
    ...(subresource === '' ? {} : { subresource }),
  };
}
