/** Planted bug: one in twenty lists shows a moment before the revision that it tells. */
import { Store } from '#store/store.ts';

const { list } = Store.prototype;
let count = 0;

Store.prototype.list = function (this: Store, query) {
  return list.call(
    this,
    query.revision === undefined && ++count % 20 === 0 ? { ...query, revision: this.revision - 1 } : query,
  );
};
