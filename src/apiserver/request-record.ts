/** What happened to one request, for figures and for the audit log. */
import type { Clock } from '#machinery/clock.ts';
import { type AuditedRequest, auditLine, isAudited } from './audit/audit.ts';
import type { AuditFile } from './audit/audit-file.ts';
import type { User } from './auth/user.ts';
import type { Incoming } from './http/exchange.ts';
import type { RequestInfo } from './http/request-info.ts';
import type { Metrics } from './metrics/metrics.ts';

/** Where it is written down. */
export interface Recorders {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly audit: AuditFile | undefined;
}

/** Filled in as the request goes through the pipeline. */
export class RequestRecord implements AuditedRequest {
  readonly request: Incoming;
  readonly received: number;
  info: RequestInfo;
  user: User | undefined;
  impersonated: User | undefined;
  allowed = false;
  reason = '';
  readonly annotations: Record<string, string> = {};
  readonly #recorders: Recorders;
  readonly #started = performance.now();
  #endInflight: (() => void) | undefined;

  constructor(recorders: Recorders, request: Incoming, info: RequestInfo) {
    this.#recorders = recorders;
    this.request = request;
    this.info = info;
    this.received = recorders.clock.now();
    this.#endInflight = recorders.metrics.begin(info);
  }

  /** A watch goes on: it is no longer in flight. Returns what to call at its end. */
  streaming(code = 200): () => void {
    const ended = this.#recorders.metrics.watching(this.info);
    this.answered(code, 'ResponseStarted');
    return () => {
      ended();
      this.#audit(code, 'ResponseComplete');
    };
  }

  /** Takes down how long an answer is. */
  sized(bytes: number): void {
    this.#recorders.metrics.sized(this.info, bytes);
  }

  /** The answer is on its way. */
  answered(code: number, stage: 'ResponseStarted' | 'ResponseComplete' = 'ResponseComplete'): void {
    this.#endInflight?.();
    this.#endInflight = undefined;
    this.#recorders.metrics.answered(this.info, code, (performance.now() - this.#started) / 1000);
    this.#audit(code, stage);
  }

  #audit(code: number, stage: 'ResponseStarted' | 'ResponseComplete'): void {
    const { audit, clock, metrics } = this.#recorders;
    if (audit !== undefined && isAudited(this, code)) {
      metrics.control.audited();
      audit.append(auditLine(this, stage, code, clock.now()));
    }
  }
}
