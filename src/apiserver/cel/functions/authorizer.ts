import type { Environment } from '@marcbachmann/cel-js';
import { dnsLabelErrors, dnsSubdomainErrors } from '../../schema/names.ts';
import { CelError } from '../library.ts';

/** What is asked: a path, or a resource. */
export type Question = { readonly verb: string } & (
  | { readonly path: string }
  | (ResourceQuestion & { readonly path?: undefined })
);

/** A resource as permissions know it; what is left out is empty. */
export interface ResourceQuestion {
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

/** Answers questions about whoever makes a request, or a service account. */
export type Ask = (
  question: Question,
  account: { readonly namespace: string; readonly name: string } | undefined,
) => { readonly allowed: boolean; readonly reason: string };

type Account = Parameters<Ask>[1];

/** `kubernetes.authorization.Authorizer`: the variable `authorizer`. */
export class CelAuthorizer {
  readonly requestResource: ResourceCheck;
  readonly ask: Ask;
  readonly account: Account;
  constructor(ask: Ask, request: ResourceQuestion, account?: Account) {
    this.ask = ask;
    this.account = account;
    this.requestResource = new ResourceCheck(this, request);
  }
}

class PathCheck {
  readonly authorizer: CelAuthorizer;
  readonly path: string;
  constructor(authorizer: CelAuthorizer, path: string) {
    this.authorizer = authorizer;
    this.path = path;
  }
}

class GroupCheck {
  readonly authorizer: CelAuthorizer;
  readonly group: string;
  constructor(authorizer: CelAuthorizer, group: string) {
    this.authorizer = authorizer;
    this.group = group;
  }
}

class ResourceCheck {
  readonly authorizer: CelAuthorizer;
  readonly question: ResourceQuestion;
  constructor(authorizer: CelAuthorizer, question: ResourceQuestion) {
    this.authorizer = authorizer;
    this.question = question;
  }
}

class Decision {
  readonly allowed: boolean;
  readonly reason: string;
  constructor({ allowed, reason }: { readonly allowed: boolean; readonly reason: string }) {
    this.allowed = allowed;
    this.reason = reason;
  }
}

const PREFIX = 'kubernetes.authorization.';
/** Type of the variable. */
export const AUTHORIZER = `${PREFIX}Authorizer`;

/** The functions of the variable `authorizer` (apiserver `pkg/cel/library/authz.go`). Must be registered before the variable. */
export function registerAuthorizer(environment: Environment): void {
  const [path, group, resource, decision] = ['PathCheck', 'GroupCheck', 'ResourceCheck', 'Decision'].map(
    (name) => `${PREFIX}${name}`,
  ) as [string, string, string, string];
  const narrowed =
    (field: keyof ResourceQuestion) =>
    ({ authorizer, question }: ResourceCheck, value: string) =>
      new ResourceCheck(authorizer, { ...question, [field]: value });
  environment
    .registerType(path, { ctor: PathCheck, fields: {} })
    .registerType(group, { ctor: GroupCheck, fields: {} })
    .registerType(resource, { ctor: ResourceCheck, fields: {} })
    .registerType(decision, { ctor: Decision, fields: {} })
    .registerType(AUTHORIZER, { ctor: CelAuthorizer, fields: { requestResource: resource } })
    .registerFunction(`${AUTHORIZER}.path(string): ${path}`, pathOf)
    .registerFunction(
      `${AUTHORIZER}.group(string): ${group}`,
      (authorizer: CelAuthorizer, name: string) => new GroupCheck(authorizer, name),
    )
    .registerFunction(`${AUTHORIZER}.serviceAccount(string, string): ${AUTHORIZER}`, accountOf)
    .registerFunction(`${group}.resource(string): ${resource}`, resourceOf)
    .registerFunction(
      `${path}.check(string): ${decision}`,
      ({ authorizer, path: asked }: PathCheck, verb: string) =>
        new Decision(authorizer.ask({ path: asked, verb }, authorizer.account)),
    )
    .registerFunction(
      `${resource}.check(string): ${decision}`,
      ({ authorizer, question }: ResourceCheck, verb: string) =>
        new Decision(authorizer.ask({ ...question, verb }, authorizer.account)),
    )
    .registerFunction(`${decision}.allowed(): bool`, ({ allowed }: Decision) => allowed)
    .registerFunction(`${decision}.reason(): string`, ({ reason }: Decision) => reason)
    // Permissions are in memory here: working them out cannot fail.
    .registerFunction(`${decision}.errored(): bool`, () => false)
    .registerFunction(`${decision}.error(): string`, () => '');
  for (const field of ['subresource', 'namespace', 'name', 'fieldSelector', 'labelSelector'] as const) {
    environment.registerFunction(`${resource}.${field}(string): ${resource}`, narrowed(field));
  }
}

function pathOf(authorizer: CelAuthorizer, path: string): PathCheck {
  if (path.trim() === '') {
    throw new CelError('path must not be empty');
  }
  return new PathCheck(authorizer, path);
}

function resourceOf({ authorizer, group }: GroupCheck, resource: string): ResourceCheck {
  if (resource.trim() === '') {
    throw new CelError('resource must not be empty');
  }
  return new ResourceCheck(authorizer, { group, resource, subresource: '', namespace: '', name: '' });
}

function accountOf({ ask, requestResource }: CelAuthorizer, namespace: string, name: string): CelAuthorizer {
  if (dnsSubdomainErrors(name).length > 0) {
    throw new CelError('Invalid service account name');
  }
  if (dnsLabelErrors(namespace).length > 0) {
    throw new CelError('Invalid service account namespace');
  }
  return new CelAuthorizer(ask, requestResource.question, { namespace, name });
}
