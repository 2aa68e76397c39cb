import { beforeEach, describe, expect, it } from 'vitest';
import { type IpamClaim, ipamClaim } from '#api/k8s.cni.cncf.io/ipam-claim.ts';
import { FakeApiClient } from '#machinery/fake-api-client.ts';
import { silentLog } from '#machinery/log.ts';
import { ClaimWriter } from './claims.ts';

const at = { namespace: 'ns', name: 'vm.default' };
const metadata = { ...at, uid: 'u' };

describe('a claim whose pod gets no place', () => {
  let client: FakeApiClient;
  let writer: ClaimWriter;
  const claimed = async (status: object): Promise<IpamClaim> => {
    await client.create(ipamClaim, { metadata, spec: { network: 'net', interface: 'ovn-udn1' } });
    const body = { type: 'merge', body: { status } } as const;
    return client.patch(ipamClaim, at, body, { subresource: 'status' });
  };
  const told = async () => (await client.get(ipamClaim, at)).status;
  beforeEach(() => {
    client = new FakeApiClient();
    writer = new ClaimWriter(client, silentLog);
  });

  it.each([
    ['IPAddressConflict', 'IPAddressConflict'],
    ['StaticIPNotSupported', 'InternalError'],
  ])('says why, in the words of upstream: %s is %s', async (why, reason) => {
    writer.refuse(await claimed({}), 'launcher', why, 'somebody has it');
    await expect.poll(told).toMatchObject({
      ips: [],
      ownerPod: { name: 'launcher' },
      conditions: [{ type: 'IPsAllocated', status: 'False', reason, message: 'somebody has it' }],
    });
    const writes = client.writes.length;
    writer.refuse(await client.get(ipamClaim, at), 'launcher', why, 'somebody has it');
    expect(client.writes).toHaveLength(writes);
  });

  it('stays as it is when it keeps addresses', async () => {
    const kept = { ips: ['10.1.1.5/24'], conditions: [{ type: 'IPsAllocated', status: 'True' }] };
    const claim = await claimed(kept);
    const writes = client.writes.length;
    writer.refuse(claim, 'launcher', 'MACAddressConflict', 'somebody has it');
    expect(client.writes).toHaveLength(writes);
    expect(await told()).toMatchObject(kept);
  });
});
