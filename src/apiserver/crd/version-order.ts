/** Kubernetes' order of versions: `v10`, `v2`, `v1`, `v2beta1`, `v1beta2`, `v1alpha1`, then others by name. */
const PATTERN = /^v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?$/;
const STAGES: Readonly<Record<string, number>> = { alpha: 1, beta: 2 };

/** Negative when `a` comes before `b`. Rule: apimachinery `util/version.CompareKubeAwareVersionStrings`. */
export function compareVersions(a: string, b: string): number {
  const left = rank(a);
  const right = rank(b);
  if (left === undefined || right === undefined) {
    return left === right ? (a < b ? -1 : a > b ? 1 : 0) : left === undefined ? 1 : -1;
  }
  const at = left.findIndex((part, index) => part !== right[index]);
  return at < 0 ? 0 : (right[at] ?? 0) - (left[at] ?? 0);
}

function rank(version: string): readonly [stage: number, major: number, minor: number] | undefined {
  const match = PATTERN.exec(version);
  return match === null ? undefined : [STAGES[match[2] ?? ''] ?? 3, Number(match[1]), Number(match[3] ?? 0)];
}
