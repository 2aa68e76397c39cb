/** Bootstrap tokens `ID.SECRET`, kept as Secrets `kube-system/bootstrap-token-ID` (upstream `auth/authenticator/token/bootstrap`). */
import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '#machinery/clock.ts';
import type { Store } from '#store/store.ts';
import { isRecord } from '../../registry/metadata.ts';
import { objectOf } from '../../registry/objects.ts';
import { authenticatedGroup, type User } from '../user.ts';

const form = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const groupForm = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
const bootstrappers = 'system:bootstrappers';

/** Who a bootstrap token stands for; undefined when it is none, unknown, over, or not for authentication. */
export function bootstrapUser(store: Store, clock: Clock, token: string): User | undefined {
  const [, id = '', secret = ''] = form.exec(token) ?? [];
  if (id === '') {
    return undefined;
  }
  const entry = store.get({
    resource: 'secrets',
    namespace: 'kube-system',
    name: `bootstrap-token-${id}`,
  });
  const object = entry === undefined ? undefined : objectOf(entry);
  if (
    object?.['type'] !== 'bootstrap.kubernetes.io/token' ||
    object.metadata.deletionTimestamp !== undefined
  ) {
    return undefined;
  }
  const value = reader(object['data']);
  const good =
    sameText(value('token-secret'), secret) &&
    value('token-id') === id &&
    value('usage-bootstrap-authentication') === 'true' &&
    !isOver(value('expiration'), clock.now());
  if (!good) {
    return undefined;
  }
  const extra = value('auth-extra-groups')
    .split(',')
    .filter((group) => group !== '');
  return extra.every((group) => groupForm.test(group))
    ? { name: `system:bootstrap:${id}`, groups: [bootstrappers, ...extra, authenticatedGroup] }
    : undefined;
}

function reader(data: unknown): (key: string) => string {
  return (key) => {
    const value = isRecord(data) ? data[key] : undefined;
    return typeof value === 'string' ? Buffer.from(value, 'base64').toString('utf8') : '';
  };
}

/** A time that cannot be read counts as passed. */
function isOver(expiration: string, now: number): boolean {
  return expiration !== '' && !(Date.parse(expiration) > now);
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
