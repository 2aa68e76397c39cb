/** Rules of names that several kinds' admission need; the messages say what is allowed. */

const LABEL = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/;

/** Most characters of a DNS label, a label value and a Linux host name part. */
export const MAX_LABEL = 63;
/** Most characters of a network interface's name in Linux (IFNAMSIZ less the closing zero). */
const MAX_INTERFACE_NAME = 15;

/** What is wrong with a DNS label (RFC 1123), or nothing. */
export function dnsLabelProblem(text: string): string | undefined {
  if (text.length > MAX_LABEL) return `must be no more than ${MAX_LABEL} characters, has ${text.length}`;
  return LABEL.test(text)
    ? undefined
    : "must consist of lower case letters, digits or '-', and must start and end with a letter or digit";
}

/** What is wrong with a DNS subdomain (RFC 1123), or nothing. */
export function dnsSubdomainProblem(text: string): string | undefined {
  if (text.length > 253) return `must be no more than 253 characters, has ${text.length}`;
  return text.split('.').every((label) => LABEL.test(label))
    ? undefined
    : "must consist of lower case letters, digits, '-' or '.', and every part must start and end with a letter or digit";
}

/** What is wrong with the name of a network interface on a node, or nothing. */
export function interfaceNameProblem(text: string): string | undefined {
  if (text === '' || text === '.' || text === '..')
    return 'must be the name of a network interface, such as br1';
  if (/[\s/:]/.test(text)) return "must not contain white space, '/' or ':'";
  if (Buffer.byteLength(text) > MAX_INTERFACE_NAME) {
    return `must be no more than ${MAX_INTERFACE_NAME} characters, has ${text.length}: the kernel takes no longer interface names; choose a shorter one`;
  }
  return undefined;
}

/** What is wrong with a label key or annotation key, or nothing. */
export function qualifiedNameProblem(text: string): string | undefined {
  const slash = text.indexOf('/');
  const prefix = slash < 0 ? undefined : text.slice(0, slash);
  const name = slash < 0 ? text : text.slice(slash + 1);
  if (prefix !== undefined && (prefix === '' || dnsSubdomainProblem(prefix) !== undefined)) {
    return 'must have a DNS name before the slash, such as example.com/name';
  }
  return /^(?:[A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$/.test(name)
    ? undefined
    : "must consist of letters, digits, '-', '_' or '.', must start and end with a letter or digit, and must be no more than 63 characters";
}
