/** What every driver, real or fake, must do; each driver's `contract.ts` gives it resources. */
import { expect, it } from 'vitest';
import type { Driver } from '#drivers/driver.ts';
import { messageOf } from '#machinery/errors.ts';
import { type Operation, type Resource, resourceId } from '#node-state/resource.ts';

/** Resources for the suite, all in one scope. */
export interface ContractSubject<R extends Resource> {
  readonly driver: Driver<R>;
  readonly scope: string;
  /** In the order in which they are to be made. */
  readonly resources: readonly R[];
  /** Another version of one of them. */
  readonly changed: R;
  /** An operation that the target must refuse, among `resources`' kinds; absent for targets that refuse nothing. */
  readonly refused?: R;
  /** True when what is observed says what is desired. */
  readonly matches: (desired: R, observed: R) => boolean;
}

/** Runs the suite on a subject made afresh for each test. */
export function driverContract<R extends Resource>(subject: () => ContractSubject<R>): void {
  const missing = async (
    { driver, scope, matches }: ContractSubject<R>,
    wanted: readonly R[],
  ): Promise<string[]> => {
    const observed = new Map(
      (await driver.observe(scope)).map((resource) => [resourceId(resource), resource]),
    );
    return wanted.flatMap((resource) => {
      const found = observed.get(resourceId(resource));
      return found !== undefined && matches(resource, found)
        ? []
        : [`${resourceId(resource)} ${JSON.stringify(found)}`];
    });
  };
  const creates = (resources: readonly R[]): Operation<R>[] => resources.map((to) => ({ op: 'create', to }));
  const deletes = (resources: readonly R[]): Operation<R>[] =>
    resources.toReversed().map((from) => ({ op: 'delete', from }));
  const errorsOf = async (driver: Driver<R>, operations: readonly Operation<R>[]): Promise<string[]> =>
    (await driver.apply(operations)).flatMap(({ error }) => (error === undefined ? [] : [messageOf(error)]));

  it('makes a batch, reads it back, and makes it again without complaint', async () => {
    const tested = subject();
    expect(await errorsOf(tested.driver, creates(tested.resources))).toEqual([]);
    expect(await missing(tested, tested.resources)).toEqual([]);
    expect(await errorsOf(tested.driver, creates(tested.resources))).toEqual([]);
    expect(await missing(tested, tested.resources)).toEqual([]);
  });

  it('changes a resource', async () => {
    const tested = subject();
    const from = tested.resources.find((resource) => resourceId(resource) === resourceId(tested.changed));
    expect(from).toBeDefined();
    await tested.driver.apply(creates(tested.resources));
    const update: Operation<R>[] = from === undefined ? [] : [{ op: 'update', from, to: tested.changed }];
    expect(await errorsOf(tested.driver, update)).toEqual([]);
    expect(await missing(tested, [tested.changed])).toEqual([]);
  });

  it('deletes a batch, and again without complaint', async () => {
    const tested = subject();
    await tested.driver.apply(creates(tested.resources));
    expect(await errorsOf(tested.driver, deletes(tested.resources))).toEqual([]);
    const left = new Set((await tested.driver.observe(tested.scope)).map(resourceId));
    expect(tested.resources.filter((resource) => left.has(resourceId(resource)))).toEqual([]);
    expect(await errorsOf(tested.driver, deletes(tested.resources))).toEqual([]);
  });

  it('sees nothing in a scope that does not exist', async () => {
    expect(await subject().driver.observe('t-no-such-scope')).toEqual([]);
  });

  it('reports what fails and goes on with the rest', async () => {
    const tested = subject();
    if (tested.refused === undefined) {
      return;
    }
    const outcomes = await tested.driver.apply(creates([tested.refused, ...tested.resources]));
    expect(outcomes.map(({ error }) => error !== undefined)).toEqual([
      true,
      ...tested.resources.map(() => false),
    ]);
    expect(await missing(tested, tested.resources)).toEqual([]);
  });
}
