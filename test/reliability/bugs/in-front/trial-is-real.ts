import * as real from '#apiserver/registry/update.ts';

export * from '#apiserver/registry/update.ts';

export const update: typeof real.update = (services, call, change, options) =>
  real.update(services, call, change, { ...options, dryRun: false });
