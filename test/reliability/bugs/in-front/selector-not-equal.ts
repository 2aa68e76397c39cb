import * as real from '#apiserver/selectors/labels.ts';

export * from '#apiserver/selectors/labels.ts';

export const parseLabelSelector: typeof real.parseLabelSelector = (text) =>
  real.parseLabelSelector(text.replace(/^([a-z]+)!=/, '$1,$1!='));
