/** Figures of what stands around requests: watches, plug-ins, the audit log, the program itself. */
import type { KindDefinition } from '#api/kind.ts';
import { Counter, Histogram, type Metric, Reading } from '#machinery/prometheus.ts';
import type { AdmissionPlugin, Maybe } from '../admission/plugin.ts';
import { serverVersion } from '../discovery/handler.ts';

const admissionBounds = [0.005, 0.025, 0.1, 0.5, 1, 2.5];

type Phase = 'admit' | 'validate';

/** Counts them. */
export class ControlMetrics {
  readonly #watchEvents = new Counter(
    'apiserver_watch_events_total',
    'Number of events sent in watch clients.',
    ['group', 'kind', 'version'],
  );
  readonly #audited = new Counter(
    'apiserver_audit_event_total',
    'Counter of audit events generated and sent to the audit backend.',
  );
  readonly #authentications = new Counter('authentication_attempts', 'Counter of authenticated attempts.', [
    'result',
  ]);
  readonly #admissions = new Histogram(
    'apiserver_admission_controller_admission_duration_seconds',
    'Admission controller latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).',
    admissionBounds,
    ['name', 'operation', 'rejected', 'type'],
  );

  /** Everything, to be rendered. */
  get all(): readonly Metric[] {
    const { major, minor, gitVersion, platform } = serverVersion;
    return [
      this.#watchEvents,
      this.#audited,
      this.#authentications,
      this.#admissions,
      new Reading(
        'kubernetes_build_info',
        "A metric with a constant '1' value labeled by major, minor, git version and platform from which Kubernetes was built.",
        'gauge',
        ['git_version', 'major', 'minor', 'platform'],
        () => [[[gitVersion, major, minor, platform], 1]],
      ),
    ];
  }

  /** What a watch of the kind calls for every event. */
  watchEvents({ group, version, kind }: KindDefinition): () => void {
    return this.#watchEvents.handle(`${group} ${version} ${kind}`, () => [group, kind, version]);
  }

  /** A line went to the audit log. */
  audited(): void {
    this.#audited.add('', () => []);
  }

  /** Somebody was recognised, or not. */
  authenticated(known: boolean): void {
    const result = known ? 'success' : 'failure';
    this.#authentications.add(result, () => [result]);
  }

  /** The plug-in, with its time taken. */
  measured(plugin: AdmissionPlugin): AdmissionPlugin {
    const { mutate, validate } = plugin;
    const timed = <T>(type: Phase, operation: string, run: () => Maybe<T>): Maybe<T> => {
      const began = performance.now();
      const over = (rejected: boolean): void => {
        const labels = [plugin.name, operation, String(rejected), type];
        this.#admissions.observe((performance.now() - began) / 1000, labels.join(' '), () => labels);
      };
      try {
        const result = run();
        if (!(result instanceof Promise)) {
          over(false);
          return result;
        }
        return result.then(
          (value) => {
            over(false);
            return value;
          },
          (error: unknown) => {
            over(true);
            throw error;
          },
        );
      } catch (error) {
        over(true);
        throw error;
      }
    };
    return {
      name: plugin.name,
      concerns: (target) => plugin.concerns(target),
      ...(mutate === undefined
        ? {}
        : {
            mutate: (attributes, round) =>
              timed('admit', attributes.operation, () => mutate.call(plugin, attributes, round)),
          }),
      ...(validate === undefined
        ? {}
        : {
            validate: (attributes) =>
              timed('validate', attributes.operation, () => validate.call(plugin, attributes)),
          }),
    };
  }
}
