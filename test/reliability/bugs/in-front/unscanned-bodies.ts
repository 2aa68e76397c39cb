import type * as real from '#apiserver/http/json-scan.ts';

export const scanJson: typeof real.scanJson = () => ({ duplicates: [] });
