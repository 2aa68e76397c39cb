import type { KindDefinition } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import { listMap, object, type TypeOf } from '../schema.ts';
import { ofAdmission, webhookFields, webhookRequired, webhooksColumns } from './webhook.ts';
import { webhooksCauses } from './webhook-rules.ts';

const schema = object(
  {
    webhooks: listMap(
      ['name'],
      object(webhookFields, webhookRequired, 'A webhook.'),
      'Webhooks, asked all at once.',
    ),
  },
  [],
  'Webhooks that may refuse what is written.',
);

/** Webhooks that may refuse what is written. */
export type ValidatingWebhookConfiguration = KubeObject & TypeOf<typeof schema>;

export const validatingWebhookConfiguration: KindDefinition<ValidatingWebhookConfiguration> = {
  ...ofAdmission,
  kind: 'ValidatingWebhookConfiguration',
  plural: 'validatingwebhookconfigurations',
  singular: 'validatingwebhookconfiguration',
  schema,
  columns: webhooksColumns,
  validate: ({ object, operation }) => (operation === 'DELETE' ? [] : webhooksCauses(object.webhooks)),
};
