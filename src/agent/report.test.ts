import { describe, expect, it } from 'vitest';
import type { GuestInterface } from '#drivers/guest/driver.ts';
import { composeSandbox } from './compose-sandbox.ts';
import { composeVm } from './compose-vm.ts';
import { statusInterfaces } from './report-interfaces.ts';
import { podStatus } from './report-pod.ts';
import { vmiStatus } from './report-vmi.ts';
import { sandboxInput } from './sandbox-input.fixture.ts';
import { parseSelections } from './selection.ts';

const input = sandboxInput('a.b.u1');
const sandbox = composeSandbox(input);
const vmi = input.guest?.vmi ?? { metadata: { name: '' }, spec: { domain: { devices: {} } } };
const vm = composeVm({ vmi, netns: input.netns, accelerator: 'tcg', nics: sandbox.nics, images: new Map() });

function interfaces(guest: readonly GuestInterface[] | undefined) {
  return statusInterfaces({
    vmi,
    vm,
    networks: sandbox.status,
    guest: guest === undefined ? undefined : { interfaces: guest },
  });
}

describe('status.interfaces', () => {
  it('has the pod address behind masquerade and that of IPAM on a bridge, without an agent', () => {
    expect(interfaces(undefined)).toEqual([
      {
        name: 'default',
        mac: '0a:58:0a:80:00:05',
        ipAddress: '10.128.0.5',
        ipAddresses: ['10.128.0.5'],
        podInterfaceName: 'eth0',
        infoSource: 'domain',
        queueCount: 1,
        linkState: 'up',
      },
      {
        name: 'bridge-net',
        mac: '02:86:5e:00:00:14',
        ipAddress: '10.2.2.1',
        ipAddresses: ['10.2.2.1'],
        podInterfaceName: 'pod03b731d2111',
        infoSource: 'domain, multus-status',
        queueCount: 1,
        linkState: 'up',
      },
    ]);
  });

  it('keeps known addresses of a family, drops them when the agent has none, and never shows link-local ones behind masquerade', () => {
    const [primary, secondary] = interfaces([
      { name: 'eth0', mac: '0a:58:0a:80:00:05', addresses: ['10.0.2.2/24', 'fe80::1/64', 'fd10:0:2::2/120'] },
      { name: 'eth1', mac: '02:86:5e:00:00:14', addresses: ['fe80::2/64'] },
    ]);
    expect(primary).toMatchObject({
      ipAddresses: ['10.128.0.5', 'fd10:0:2::2'],
      interfaceName: 'eth0',
      infoSource: 'domain, guest-agent',
    });
    expect(secondary).toMatchObject({
      ipAddresses: ['fe80::2'],
      infoSource: 'domain, guest-agent, multus-status',
    });
  });

  it('lists at most ten interfaces that only the guest knows', () => {
    const own = Array.from({ length: 12 }, (_, index) => ({
      name: `docker${index}`,
      addresses: [`172.17.${index}.1/16`],
    }));
    const found = interfaces(own);
    expect(found).toHaveLength(12);
    expect(found[2]).toEqual({
      ipAddress: '172.17.0.1',
      ipAddresses: ['172.17.0.1'],
      interfaceName: 'docker0',
      infoSource: 'guest-agent',
    });
  });
});

describe('VMI status', () => {
  const report = (
    guest: Parameters<typeof vmiStatus>[0]['guest'],
    conditions: { type: string; status: 'True' | 'False' }[] = [],
  ) =>
    vmiStatus({
      vmi: { ...vmi, status: { conditions, interfaces: [{ name: 'kept' }] } },
      vm,
      status: 'running',
      guest,
      networks: sandbox.status,
      now: 0,
    });
  const types = (status: ReturnType<typeof report>) =>
    status.conditions?.map(({ type, status: holds }) => `${type}=${holds}`);

  it('says Ready and migratable, and AgentConnected while it is', () => {
    expect(types(report(undefined))).toEqual(['Ready=True', 'LiveMigratable=True']);
    expect(types(report({ interfaces: [] }))).toEqual([
      'Ready=True',
      'LiveMigratable=True',
      'AgentConnected=True',
    ]);
    expect(types(report(undefined, [{ type: 'AgentConnected', status: 'True' }]))).not.toContain(
      'AgentConnected=True',
    );
  });

  it('keeps what the agent told before while it has not answered again', () => {
    const kept = report('pending', [{ type: 'AgentConnected', status: 'True' }]);
    expect(types(kept)).toContain('AgentConnected=True');
    expect(kept.interfaces).toEqual([{ name: 'kept' }]);
    expect(types(report('pending'))).not.toContain('AgentConnected=True');
  });
});

describe('pod status', () => {
  const status = (state: Parameters<typeof podStatus>[0]['state']) =>
    podStatus({ pod: input.pod, state, hostIPs: ['192.168.126.11'], networks: sandbox.status, now: 0 });

  it.each([
    [{ type: 'running', startedAt: '1970-01-01T00:00:00Z' } as const, 'Running', 'True'],
    [{ type: 'waiting', reason: 'ErrImagePull', message: 'm' } as const, 'Pending', 'False'],
    [{ type: 'ended', succeeded: true, reason: 'Completed', message: 'm' } as const, 'Succeeded', 'False'],
    [{ type: 'ended', succeeded: false, reason: 'Error', message: 'm' } as const, 'Failed', 'False'],
  ])('%j', (state, phase, ready) => {
    const found = status(state);
    expect(found).toMatchObject({ phase, podIP: '10.128.0.5', podIPs: [{ ip: '10.128.0.5' }] });
    expect(found.conditions?.find(({ type }) => type === 'Ready')?.status).toBe(ready);
  });
});

describe('network selection', () => {
  it.each([
    ['blue', [{ name: 'blue', namespace: 'demo', interfaceName: 'net1' }]],
    [
      'default/blue@eth5, red',
      [
        { name: 'blue', namespace: 'default', interfaceName: 'eth5' },
        { name: 'red', namespace: 'demo', interfaceName: 'net2' },
      ],
    ],
    [
      '[{"name":"blue","interface":"pod03b731d2111","mac":"02-00-00-00-00-0A"}]',
      [{ name: 'blue', namespace: 'demo', interfaceName: 'pod03b731d2111', mac: '02:00:00:00:00:0a' }],
    ],
    ['', []],
    [undefined, []],
  ])('%s', (annotation, expected) => {
    expect(parseSelections(annotation, 'demo')).toEqual(expected);
  });

  it.each([
    ['[{', /is no JSON list/],
    ['a b', /has "a b"/],
    ['[{"namespace":"x"}]', /element 0 has no name/],
    ['[{"name":"a","mac":"nonsense"}]', /no MAC address/],
    ['[{"name":"a","interface":"../../etc"}]', /no name of an interface/],
    ['other/a', /namespace isolation enabled.*pod is in namespace demo but refers to target namespace other/],
  ])('refuses %s', (annotation, message) => {
    expect(() => parseSelections(annotation, 'demo')).toThrow(message);
  });
});
