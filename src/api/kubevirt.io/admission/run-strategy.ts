/** Rules for `spec.running` and `spec.runStrategy`. KubeVirt vms-admitter.go. */
import { forbidden, required } from '../../cause.ts';
import type { Cause } from '../../meta.ts';

const ALLOWED = 'Always, RerunOnFailure, Manual, Once or Halted';

/** Exactly one of the two says when the machine runs. */
export function runStrategyCauses(spec: {
  readonly running?: boolean | undefined;
  readonly runStrategy?: string | undefined;
}): readonly Cause[] {
  if (spec.running !== undefined && spec.runStrategy !== undefined) {
    return [
      forbidden(
        'spec.running',
        `running and runStrategy are mutually exclusive; running is deprecated, keep runStrategy: ${spec.runStrategy}`,
      ),
    ];
  }
  return spec.running === undefined && spec.runStrategy === undefined
    ? [
        required(
          'spec.runStrategy',
          `must be one of ${ALLOWED}; the printed examples leave it out, add runStrategy: Always`,
        ),
      ]
    : [];
}
