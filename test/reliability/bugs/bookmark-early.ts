/** Planted bug: a subscription says that it has read more than it has. */
import { Subscription } from '#store/subscription.ts';

const own = Object.getOwnPropertyDescriptor(Subscription.prototype, 'revision');

Object.defineProperty(Subscription.prototype, 'revision', {
  get(this: Subscription) {
    return Number(own?.get?.call(this)) + 3;
  },
});
