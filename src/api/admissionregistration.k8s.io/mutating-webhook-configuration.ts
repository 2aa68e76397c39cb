import type { KindDefinition } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import { listMap, object, type TypeOf } from '../schema.ts';
import {
  ofAdmission,
  reinvocationPolicy,
  webhookFields,
  webhookRequired,
  webhooksColumns,
} from './webhook.ts';
import { webhooksCauses } from './webhook-rules.ts';

const webhook = object({ ...webhookFields, reinvocationPolicy }, webhookRequired, 'A webhook.');

const schema = object(
  { webhooks: listMap(['name'], webhook, 'Webhooks, asked one after the other.') },
  [],
  'Webhooks that may change what is written.',
);

/** A webhook that may change what is written. */
export type MutatingWebhook = TypeOf<typeof webhook>;
/** Webhooks that may change what is written. */
export type MutatingWebhookConfiguration = KubeObject & TypeOf<typeof schema>;

export const mutatingWebhookConfiguration: KindDefinition<MutatingWebhookConfiguration> = {
  ...ofAdmission,
  kind: 'MutatingWebhookConfiguration',
  plural: 'mutatingwebhookconfigurations',
  singular: 'mutatingwebhookconfiguration',
  schema,
  columns: webhooksColumns,
  validate: ({ object, operation }) => (operation === 'DELETE' ? [] : webhooksCauses(object.webhooks)),
};
