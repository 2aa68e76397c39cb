/** Planted bug: one in a hundred events is not told. */
import { Subscription } from '#store/subscription.ts';

const { read } = Subscription.prototype;
let count = 0;

Subscription.prototype.read = function (this: Subscription, limit) {
  const entries = read.call(this, limit);
  return entries.filter(() => ++count % 100 !== 0);
};
