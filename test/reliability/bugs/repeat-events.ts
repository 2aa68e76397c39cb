/** Planted bug: one in a hundred events is told twice. */
import { Subscription } from '#store/subscription.ts';

const { read } = Subscription.prototype;
let count = 0;

Subscription.prototype.read = function (this: Subscription, limit) {
  return read.call(this, limit).flatMap((entry) => (++count % 100 === 0 ? [entry, entry] : [entry]));
};
