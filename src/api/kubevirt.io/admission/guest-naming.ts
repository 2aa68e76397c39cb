/** Rules for host name, subdomain and DNS of the guest. KubeVirt vmi-create-admitter.go. */
import { isIP } from 'node:net';
import { invalid, required } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import { dnsLabelProblem, dnsSubdomainProblem } from '../../names.ts';
import type { SpecRule } from './rule.ts';

const MAX_NAMESERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_SEARCH_CHARACTERS = 2048;

export const guestNames: SpecRule = ({ hostname, subdomain, serviceAccountName }, path) => {
  const checks = [
    [`${path}.hostname`, hostname, dnsLabelProblem],
    [`${path}.subdomain`, subdomain, dnsSubdomainProblem],
    [`${path}.serviceAccountName`, serviceAccountName, dnsSubdomainProblem],
  ] as const;
  return checks.flatMap(([field, name, problemOf]) => {
    const problem = name === undefined || name === '' ? undefined : problemOf(name);
    return problem === undefined ? [] : [invalid(field, name, problem)];
  });
};

export const guestDns: SpecRule = ({ dnsPolicy, dnsConfig }, path) => {
  const at = `${path}.dnsConfig`;
  const { nameservers = [], searches = [], options = [] } = dnsConfig ?? {};
  const causes: Cause[] = [];
  if (dnsPolicy === 'None' && nameservers.length === 0) {
    const detail =
      'must provide at least one DNS nameserver when dnsPolicy is None; add it, or take dnsPolicy away';
    causes.push(required(`${at}.nameservers`, detail));
  }
  if (nameservers.length > MAX_NAMESERVERS) {
    causes.push(
      invalid(`${at}.nameservers`, nameservers, `must not have more than ${MAX_NAMESERVERS} nameservers`),
    );
  }
  for (const [index, server] of nameservers.entries()) {
    if (isIP(server) === 0)
      causes.push(invalid(`${at}.nameservers[${index}]`, server, 'must be an IP address'));
  }
  if (searches.length > MAX_SEARCHES) {
    causes.push(
      invalid(`${at}.searches`, searches.length, `must not have more than ${MAX_SEARCHES} search paths`),
    );
  }
  if (searches.join(' ').length > MAX_SEARCH_CHARACTERS) {
    const detail = `must not have more than ${MAX_SEARCH_CHARACTERS} characters, spaces included`;
    causes.push(invalid(`${at}.searches`, searches.join(' ').length, detail));
  }
  for (const [index, search] of searches.entries()) {
    const problem = dnsSubdomainProblem(search.replace(/\.$/, ''));
    if (problem !== undefined) causes.push(invalid(`${at}.searches[${index}]`, search, problem));
  }
  for (const [index, option] of options.entries()) {
    if (!option.name) causes.push(required(`${at}.options[${index}].name`, 'must not be empty'));
  }
  return causes;
};
