import * as real from '#apiserver/patch/apply/apply.ts';

export * from '#apiserver/patch/apply/apply.ts';

export const serverSideApply: typeof real.serverSideApply = (request) =>
  real.serverSideApply({ ...request, force: true });
