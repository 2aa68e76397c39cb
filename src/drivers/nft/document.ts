/** Tables <-> libnftables' JSON documents. Pure. */
import { type NftObject, type NftTable, nftDigest } from '#node-state/nft.ts';
import type { Netns, Operation } from '#node-state/resource.ts';

/** Starts the comment of the first rule of a table: `patchbay:<digest>:<number of objects>`. */
const tagPrefix = 'patchbay:';

/**
 * One document that carries out all operations, in one transaction.
 * nft 1.0.6 drops comments on tables and chains that come as JSON, so the digest is the comment of the first rule.
 */
export function documentOf(operations: readonly Operation<NftTable>[]): string {
  const commands = operations.flatMap((operation) =>
    operation.op === 'delete' ? removal(operation.from) : [...removal(operation.to), ...making(operation.to)],
  );
  return JSON.stringify({ nftables: commands });
}

/** `add` before `delete`: deleting a table that is not there would fail. */
function removal({ family, name }: NftTable): readonly NftObject[] {
  const table = { family, name };
  return [{ add: { table } }, { delete: { table } }];
}

function making(table: NftTable): readonly NftObject[] {
  const { family, name, objects } = table;
  const tag = `${tagPrefix}${nftDigest(table)}:${objects.length}`;
  let isTagged = false;
  const commands = objects.map((object) => {
    const [kind = '', body] = Object.entries(object)[0] ?? [];
    const fields = typeof body === 'object' && body !== null ? body : {};
    const isTag = kind === 'rule' && !isTagged;
    isTagged ||= isTag;
    return { add: { [kind]: { family, table: name, ...fields, ...(isTag && { comment: tag }) } } };
  });
  return [{ add: { table: { family, name } } }, ...commands];
}

interface Listed {
  readonly kind: string;
  readonly family: string;
  readonly table: string;
  readonly comment: string | undefined;
  readonly object: NftObject;
}

/** Tables of ours in what `nft -j list ruleset` printed. A table somebody edited since has no digest. */
export function tablesOf(netns: Netns, text: string): readonly NftTable[] {
  const parsed = text.trim() === '' ? {} : (JSON.parse(text) as { nftables?: readonly NftObject[] });
  const listed = (parsed.nftables ?? []).flatMap(listedOf);
  const groups = Map.groupBy(listed, ({ family, table }) => `${family} ${table}`);
  return [...groups.values()].flatMap((objects) => tableOf(netns, objects));
}

function listedOf(object: NftObject): readonly Listed[] {
  const [kind = '', body] = Object.entries(object)[0] ?? [];
  const fields = new Map<string, unknown>(
    typeof body === 'object' && body !== null ? Object.entries(body) : [],
  );
  const table = fields.get('table');
  if (kind === 'metainfo' || kind === 'table' || typeof table !== 'string') {
    return [];
  }
  const comment = fields.get('comment');
  return [
    {
      kind,
      family: String(fields.get('family')),
      table,
      comment: typeof comment === 'string' ? comment : undefined,
      object,
    },
  ];
}

function tableOf(netns: Netns, objects: readonly Listed[]): readonly NftTable[] {
  const tag = objects.find(({ comment }) => comment?.startsWith(tagPrefix) === true)?.comment;
  const first = objects[0];
  if (tag === undefined || first === undefined) {
    return [];
  }
  const [, digest, count] = tag.split(':');
  const isWhole = Number(count) === objects.length && digest !== undefined;
  return [
    {
      kind: 'nft-table',
      netns,
      family: first.family as NftTable['family'],
      name: first.table,
      objects: objects.map(({ object }) => object),
      digest: isWhole ? digest : 'edited',
    },
  ];
}
