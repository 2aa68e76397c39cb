/** Planted bug: one in fifty reads gets the version before. */
import { Store } from '#store/store.ts';

const { get } = Store.prototype;
let count = 0;

Store.prototype.get = function (this: Store, key) {
  const entry = get.call(this, key);
  return ++count % 50 === 0 ? (entry?.previous ?? entry) : entry;
};
