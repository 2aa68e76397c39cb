/** Planted bug: a watch from before the compacted revision gets what is left instead of 410. */
import { Store } from '#store/store.ts';

const { subscribe } = Store.prototype;

Store.prototype.subscribe = function (this: Store, resource, from, wake) {
  return subscribe.call(this, resource, Math.max(from, this.compactedRevision), wake);
};
