import * as real from '#apiserver/registry/update.ts';

export * from '#apiserver/registry/update.ts';

export const update: typeof real.update = (services, call, change, options) =>
  real.update(
    services,
    call,
    {
      ...change,
      next: (old) => {
        const wanted = change.next(old);
        const { resourceVersion: _, ...metadata } = wanted.object.metadata;
        return { ...wanted, object: { ...wanted.object, metadata } };
      },
    },
    options,
  );
