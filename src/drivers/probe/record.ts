/** One thing that differs between machines, what was chosen because of it, and why. */
export interface ProbeRecord {
  /** Stable name, such as `kvm`. */
  readonly name: string;
  readonly present: boolean;
  /** What is used: `kvm`, `tcg`. */
  readonly chosen: string;
  readonly why: string;
  readonly remedy?: string;
}
