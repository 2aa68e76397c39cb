/** What commands exit with. */
export const exitCodes = {
  ok: 0,
  /** Something failed, or a check found a fault. */
  failure: 1,
  /** The command line was wrong. */
  usage: 2,
  /** A check could not be run. */
  notRun: 2,
} as const;
