import { ageColumn } from '../columns.ts';
import { labelSelector } from '../core/label-selector.ts';
import type { KindDefinition } from '../kind.ts';
import { selectorText } from '../label-rules.ts';
import type { KubeObject } from '../meta.ts';
import { object, oneOf, setOf, string, type TypeOf } from '../schema.ts';
import { matchResources } from './match.ts';
import { bindingCauses } from './policy-rules.ts';
import { ofAdmission } from './webhook.ts';

const paramRef = object(
  {
    name: string('Name of the parameters.'),
    namespace: string('Namespace of the parameters; default: that of the request.'),
    selector: labelSelector,
    parameterNotFoundAction: string('Allow or Deny: what happens when there are none.'),
  },
  [],
  'Objects the policy sees as params.',
  { 'x-kubernetes-map-type': 'atomic' },
);

const spec = object({
  policyName: string('Policy that is put into force.'),
  paramRef,
  matchResources,
  validationActions: setOf(oneOf(['Audit', 'Deny', 'Warn']), 'What a failed validation does.'),
});

const schema = object({ spec }, [], 'Puts a policy into force.');

/** Puts a policy into force. */
export type ValidatingAdmissionPolicyBinding = KubeObject & TypeOf<typeof schema>;
export type BindingSpec = TypeOf<typeof spec>;
export type ParamRef = TypeOf<typeof paramRef>;

export const validatingAdmissionPolicyBinding: KindDefinition<ValidatingAdmissionPolicyBinding> = {
  ...ofAdmission,
  kind: 'ValidatingAdmissionPolicyBinding',
  plural: 'validatingadmissionpolicybindings',
  singular: 'validatingadmissionpolicybinding',
  schema,
  columns: [
    {
      name: 'PolicyName',
      type: 'string',
      description: 'Policy that is put into force.',
      value: (one: ValidatingAdmissionPolicyBinding) => one.spec?.policyName ?? '',
    },
    {
      name: 'ParamRef',
      type: 'string',
      description: 'Objects the policy sees as params.',
      value: (one: ValidatingAdmissionPolicyBinding) => paramCell(one.spec?.paramRef),
    },
    ageColumn,
  ],
  validate: ({ object: given, operation }) => (operation === 'DELETE' ? [] : bindingCauses(given.spec ?? {})),
};

function paramCell(ref: ParamRef | undefined): string {
  if (ref === undefined) return '<unset>';
  const { name = '', namespace = '', selector } = ref;
  if (name !== '') return namespace === '' ? name : `${namespace}/${name}`;
  return selectorText(selector);
}
