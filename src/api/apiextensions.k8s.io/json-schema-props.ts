/** `JSONSchemaProps`: a schema as data, which is what a CustomResourceDefinition holds. */
import { array, boolean, int64, listMap, object, type SchemaNode, string } from '../schema.ts';

const number: SchemaNode = { type: 'number' };
const anything: SchemaNode = { 'x-kubernetes-preserve-unknown-fields': true };
const fields: Record<string, SchemaNode> = {};

/** Describes itself: walk it along a value, never by itself. */
export const jsonSchemaProps: SchemaNode = {
  type: 'object',
  description: 'JSONSchemaProps is a JSON-Schema following Specification Draft 4 (http://json-schema.org/).',
  properties: fields,
};

/** Where upstream takes a schema or something simpler (true, a list); what is not allowed is refused by CRD validation. */
const schemaOr: SchemaNode = { properties: fields };
const schemas: SchemaNode = { type: 'array', items: jsonSchemaProps, 'x-kubernetes-list-type': 'atomic' };
const schemaMap: SchemaNode = { type: 'object', additionalProperties: jsonSchemaProps };

const rule = object(
  {
    rule: string('The expression which will be evaluated by CEL (https://github.com/google/cel-spec).'),
    message: string('The message displayed when validation fails.'),
    messageExpression: string(
      'A CEL expression that evaluates to the message displayed when the rule fails.',
    ),
    reason: string('A machine-readable reason returned to the caller when the rule fails.'),
    fieldPath: string('The field path returned when the rule fails, relative to where the rule stands.'),
    optionalOldSelf: boolean('Evaluates a transition rule even when the object is first created.'),
  },
  ['rule'],
  'ValidationRule describes a validation rule written in the CEL expression language.',
);

Object.assign(fields, {
  $ref: string(),
  $schema: string('The schema of the schema.'),
  additionalItems: schemaOr,
  additionalProperties: schemaOr,
  allOf: schemas,
  anyOf: schemas,
  default: { ...anything, description: 'A default value for undefined object fields.' },
  definitions: schemaMap,
  dependencies: { type: 'object', additionalProperties: schemaOr },
  description: string(),
  enum: { type: 'array', items: anything, 'x-kubernetes-list-type': 'atomic' },
  example: anything,
  exclusiveMaximum: boolean(),
  exclusiveMinimum: boolean(),
  externalDocs: object({ description: string(), url: string() }),
  format: string('An OpenAPI v3 format string. Unknown formats are ignored.'),
  id: string(),
  items: schemaOr,
  maxItems: int64(),
  maxLength: int64(),
  maxProperties: int64(),
  maximum: number,
  minItems: int64(),
  minLength: int64(),
  minProperties: int64(),
  minimum: number,
  multipleOf: number,
  not: jsonSchemaProps,
  nullable: boolean(),
  oneOf: schemas,
  pattern: string(),
  patternProperties: schemaMap,
  properties: schemaMap,
  required: array(string(), undefined, { 'x-kubernetes-list-type': 'atomic' }),
  title: string(),
  type: string(),
  uniqueItems: boolean(),
  'x-kubernetes-embedded-resource': boolean('The value is an embedded Kubernetes object.'),
  'x-kubernetes-int-or-string': boolean('The value is either an integer or a string.'),
  'x-kubernetes-list-map-keys': array(string(), 'The keys of a list of type map.', {
    'x-kubernetes-list-type': 'atomic',
  }),
  'x-kubernetes-list-type': string('The topology of a list: atomic, set or map.'),
  'x-kubernetes-map-type': string('The topology of an object: granular or atomic.'),
  'x-kubernetes-preserve-unknown-fields': boolean('Stops pruning of fields that are not specified.'),
  'x-kubernetes-validations': listMap(['rule'], rule, 'Validation rules written in CEL.'),
});
