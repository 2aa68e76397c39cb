/** Which names a definition gets, and its conditions (apiextensions `naming_controller.go`, `establishing_controller.go`). */
import type {
  CustomResourceDefinition,
  CustomResourceNames,
} from '#api/apiextensions.k8s.io/custom-resource-definition.ts';
import { timestamp } from '#machinery/clock.ts';
import { deepEqual } from '../patch/equal.ts';

type Status = NonNullable<CustomResourceDefinition['status']>;
type ConditionOf = NonNullable<Status['conditions']>[number];
type Claim = Pick<ConditionOf, 'type' | 'status'> & { readonly reason: string; readonly message: string };

/** The names that other definitions of the group hold. */
interface Taken {
  readonly resources: ReadonlySet<string | undefined>;
  readonly kinds: ReadonlySet<string | undefined>;
}

/** The status of a definition beside all others. Pure; `now` in milliseconds. */
export function namingStatus(
  definition: CustomResourceDefinition,
  others: readonly CustomResourceDefinition[],
  now: number,
): Status {
  const { spec, status = {} } = definition;
  const accepted: Partial<CustomResourceNames> = status.acceptedNames ?? {};
  const taken = takenBy(others.filter((other) => other.spec.group === spec.group));
  const { names, conflict } = judge(spec.names, accepted, taken);
  const established = status.conditions?.some(
    ({ type, status: is }) => type === 'Established' && is === 'True',
  );
  let conditions = status.conditions ?? [];
  conditions = withCondition(conditions, conflict ?? noConflicts, now);
  if (established !== true) {
    conditions = withCondition(conditions, conflict === undefined ? isEstablished : isNotAccepted, now);
  }
  const storage = spec.versions.find((version) => version.storage)?.name;
  const known = status.storedVersions ?? [];
  const storedVersions = storage === undefined || known.includes(storage) ? known : [...known, storage];
  return { ...status, conditions, acceptedNames: names, storedVersions };
}

const noConflicts: Claim = {
  type: 'NamesAccepted',
  status: 'True',
  reason: 'NoConflicts',
  message: 'no conflicts found',
};
const isEstablished: Claim = {
  type: 'Established',
  status: 'True',
  reason: 'InitialNamesAccepted',
  message: 'the initial names have been accepted',
};
const isNotAccepted: Claim = {
  type: 'Established',
  status: 'False',
  reason: 'NotAccepted',
  message: 'not all names are accepted',
};

function takenBy(others: readonly CustomResourceDefinition[]): Taken {
  const held = others.map((other) => other.status?.acceptedNames);
  return {
    resources: new Set(
      held.flatMap((names) => [names?.plural, names?.singular, ...(names?.shortNames ?? [])]),
    ),
    kinds: new Set(held.flatMap((names) => [names?.kind, names?.listKind])),
  };
}

function judge(
  wanted: CustomResourceNames,
  accepted: Partial<CustomResourceNames>,
  taken: Taken,
): { readonly names: CustomResourceNames; readonly conflict: Claim | undefined } {
  const names: Record<string, unknown> = { ...accepted };
  let conflict: Claim | undefined;
  const check = (field: keyof CustomResourceNames, held: ReadonlySet<string | undefined>) => {
    const name = wanted[field] as string | undefined;
    if (name !== accepted[field] && held.has(name)) {
      conflict = refused(field, [name]);
    } else {
      names[field] = name;
    }
  };
  check('plural', taken.resources);
  check('singular', taken.resources);
  const shorts = (wanted.shortNames ?? []).filter(
    (name) => !(accepted.shortNames ?? []).includes(name) && taken.resources.has(name),
  );
  if (shorts.length > 0) {
    conflict = refused('shortNames', shorts);
  } else {
    names['shortNames'] = wanted.shortNames;
  }
  check('kind', taken.kinds);
  check('listKind', taken.kinds);
  names['categories'] = wanted.categories;
  const given = Object.entries(names).filter(([, value]) => value !== undefined);
  return { names: Object.fromEntries(given) as unknown as CustomResourceNames, conflict };
}

function refused(field: string, names: readonly (string | undefined)[]): Claim {
  const said = names.map((name) => `${JSON.stringify(name)} is already in use`);
  return {
    type: 'NamesAccepted',
    status: 'False',
    reason: `${field.charAt(0).toUpperCase()}${field.slice(1)}Conflict`,
    message: said.length === 1 ? (said[0] ?? '') : `[${said.join(', ')}]`,
  };
}

/** The list with a condition set; its time changes with its status only. */
export function withCondition(
  conditions: readonly ConditionOf[],
  claim: Claim,
  now: number,
): readonly ConditionOf[] {
  const before = conditions.find(({ type }) => type === claim.type);
  const lastTransitionTime =
    before?.status === claim.status && before.lastTransitionTime !== undefined
      ? before.lastTransitionTime
      : timestamp(now);
  const made = { lastTransitionTime, ...claim };
  if (before === undefined) {
    return [...conditions, made];
  }
  return deepEqual(before, made)
    ? conditions
    : conditions.map((condition) => (condition.type === claim.type ? { ...condition, ...made } : condition));
}
