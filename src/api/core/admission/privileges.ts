/** What containers ask of a node that nodes here do not give, in the words of the refusal. Pure. */
import type { Container } from '../container.ts';
import type { PodSpec } from '../pod-spec.ts';

/** What containers may do unless they ask for less: the runtime's usual list without making device nodes. */
const defaultCapabilities: readonly string[] = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FSETID',
  'FOWNER',
  'NET_RAW',
  'SETGID',
  'SETUID',
  'SETPCAP',
  'NET_BIND_SERVICE',
  'SYS_CHROOT',
  'KILL',
  'AUDIT_WRITE',
  'SETFCAP',
];

/** What may be asked for besides: power over the pod's own network and processes. */
const allowedCapabilities: readonly string[] = [
  ...defaultCapabilities,
  'NET_ADMIN',
  'NET_BROADCAST',
  'IPC_LOCK',
  'SYS_NICE',
];

/** Over a network: in a pod that has its node's they reach every tenant's frames there, so they are asked for by name. */
const networkCapabilities: ReadonlySet<string> = new Set(['NET_ADMIN', 'NET_BROADCAST', 'NET_RAW']);

/** Asked for by `kubectl debug --profile=general`, and not needed for what that is for. */
const notGiven: ReadonlySet<string> = new Set(['SYS_PTRACE']);

const ONE_MACHINE = 'nodes share one machine, and it would be that of the machine';

/** Names as the kernel's list has them, without `CAP_`. `ALL` added stands for all that are allowed. */
function capabilityNames(list: readonly string[] = []): readonly string[] {
  return list.map((one) => one.toUpperCase().replace(/^CAP_/, ''));
}

/** Why the pod cannot have host namespaces other than the network; undefined when it asks for none. */
export function refusedNamespace({ hostPID, hostIPC }: PodSpec): string | undefined {
  const asked = hostPID === true ? 'hostPID' : hostIPC === true ? 'hostIPC' : undefined;
  return asked === undefined
    ? undefined
    : `${asked}: true is refused: ${ONE_MACHINE}. hostNetwork: true gives the network of the node; kubectl debug node/NAME --profile=restricted makes a pod on it`;
}

/** Why a container cannot have the rights it asks for; undefined when it can. */
export function refusedPrivilege({ name, securityContext = {} }: Container): string | undefined {
  const about = `container ${JSON.stringify(name)}`;
  if (securityContext.privileged === true) {
    return `${about}: privileged: true is refused: containers get no rights on the node itself. Ask for the capabilities it needs, such as NET_ADMIN for the pod's own network`;
  }
  if (securityContext.procMount === 'Unmasked') {
    return `${about}: procMount: Unmasked is refused: containers get no rights on the node itself`;
  }
  const refused = capabilityNames(securityContext.capabilities?.add).find(
    (one) => one !== 'ALL' && !notGiven.has(one) && !allowedCapabilities.includes(one),
  );
  if (refused === undefined) {
    return undefined;
  }
  return `${about}: capability ${refused} is refused; allowed are ${allowedCapabilities.join(', ')}`;
}

/** What a container asks for and does not get although it is let through. */
export function privilegeWarnings({ name, securityContext = {} }: Container): readonly string[] {
  return capabilityNames(securityContext.capabilities?.add)
    .filter((one) => notGiven.has(one))
    .map(
      (one) =>
        `container ${JSON.stringify(name)}: capability ${one} is not given; the same user sees and traces processes that have no more capabilities without it`,
    );
}

/** Whether a container asks for rights over the network it is in, which in a pod with `hostNetwork` is the node's. */
export function asksForNetworkRights({ securityContext = {} }: Container): boolean {
  return capabilityNames(securityContext.capabilities?.add).some(
    (one) => one === 'ALL' || networkCapabilities.has(one),
  );
}

/** The capabilities a container gets, without `CAP_`. In the node's network none is given over it unless asked for. */
export function capabilitiesOf(
  { securityContext = {} }: Container,
  { hostNetwork }: Pick<PodSpec, 'hostNetwork'>,
): readonly string[] {
  const drop = new Set(capabilityNames(securityContext.capabilities?.drop));
  const add = capabilityNames(securityContext.capabilities?.add)
    .flatMap((one) => (one === 'ALL' ? allowedCapabilities : [one]))
    .filter((one) => !notGiven.has(one));
  const usual =
    hostNetwork === true
      ? defaultCapabilities.filter((one) => !networkCapabilities.has(one))
      : defaultCapabilities;
  const kept = drop.has('ALL') ? [] : usual.filter((one) => !drop.has(one));
  return [...new Set([...kept, ...add])];
}
