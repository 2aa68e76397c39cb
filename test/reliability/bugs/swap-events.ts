/** Planted bug: of events that are read together the last two change places. */
import { Subscription } from '#store/subscription.ts';

const { read } = Subscription.prototype;

Subscription.prototype.read = function (this: Subscription, limit) {
  const entries = read.call(this, limit);
  return entries.length < 2 ? entries : [...entries.slice(0, -2), ...entries.slice(-2).reverse()];
};
