import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '#drivers/command.ts';
import { vmDriverContract } from '#drivers/qemu/contract.ts';
import type { VmDriver } from '#drivers/qemu/driver.ts';
import type { VirtualMachineState, VmSeed } from '#node-state/vm.ts';
import { attach, bootGuest, createGuestDriver, createQemuLab, type QemuLab, shell } from './qemu-lab.ts';

let lab: QemuLab;
const guest = createGuestDriver();

beforeAll(async () => {
  lab = await createQemuLab(3);
});

afterAll(async () => {
  await guest.close();
  await lab[Symbol.asyncDispose]();
});

const seedOf = (userData: string, networkData?: string): VmSeed => ({
  volumeName: 'cloudinitdisk',
  format: 'nocloud',
  instanceId: 'i-1',
  hostname: 'vm-a',
  userData,
  ...(networkData === undefined ? {} : { networkData }),
});

describe('QEMU driver contract', () => {
  let driver: VmDriver;
  let machine: VirtualMachineState;
  beforeAll(() => {
    driver = lab.driver();
    machine = lab.machine({ paused: true, nics: [lab.nic(0, { name: 'a' })] });
  });
  vmDriverContract({ driver: () => driver, machine: () => machine });
});

describe('a guest with DHCP', () => {
  let driver: VmDriver;
  let vm: VirtualMachineState;

  it('boots under 4 s and its agent answers', async () => {
    driver = lab.driver();
    vm = lab.machine({ nics: [lab.nic(0), lab.nic(1, { linkUp: false })], hotplugPorts: 3 });
    const elapsed = await bootGuest(driver, guest, vm);
    console.log(
      `agent after ${Math.round(elapsed)} ms; guest: ${await shell(guest, vm.uid, 'cat /run/boot-times')}`,
    );
    expect(elapsed).toBeLessThan(4_000);
    expect(await guest.osInfo(vm.uid)).toMatchObject({ id: 'patchbay-guest' });
  });

  it('gets a lease and the MTU', async () => {
    await expect
      .poll(async () => (await guest.interfaces(vm.uid)).find((each) => each.mac === vm.nics[0]?.mac), {
        timeout: 10_000,
      })
      .toMatchObject({
        name: 'eth0',
        addresses: [expect.stringMatching(/^10\.0\.2\.\d+\/24$/), expect.anything()],
      });
    const times = await shell(guest, vm.uid, 'tr "\\n" " " </run/boot-times');
    console.log(`seconds since the kernel's start: ${times}`);
    expect(await shell(guest, vm.uid, 'cat /sys/class/net/eth0/mtu /sys/class/net/eth1/mtu')).toBe(
      '1400\n1400',
    );
    expect(await shell(guest, vm.uid, 'ping -c 1 -W 2 10.0.2.1 >/dev/null && echo reached')).toBe('reached');
  });

  it('sees one cable plugged and the other not, live', async () => {
    const carriers = () =>
      shell(guest, vm.uid, 'cat /sys/class/net/eth0/carrier /sys/class/net/eth1/carrier');
    expect(await carriers()).toBe('1\n0');
    const to = { ...vm, nics: vm.nics.map((nic) => ({ ...nic, linkUp: true })) };
    expect((await driver.apply([{ op: 'update', from: vm, to }]))[0]?.error).toBeUndefined();
    vm = to;
    await expect.poll(carriers).toBe('1\n1');
  });

  it('has its NICs where they stay, and spare root ports', async () => {
    const found = await shell(
      guest,
      vm.uid,
      'for n in eth0 eth1; do readlink -f /sys/class/net/$n/device; done',
    );
    expect(found.split('\n').map((path) => path.split('/').at(-2))).toEqual(['0000:01:00.0', '0000:02:00.0']);
    const bridges = await shell(guest, vm.uid, 'grep -l 0x060400 /sys/bus/pci/devices/*/class | wc -l');
    expect(Number(bridges)).toBe(5);
  });

  it('runs as the unprivileged user without capabilities', async () => {
    const info = await driver.info(vm.uid);
    const { stdout } = await run([
      'grep',
      '-E',
      '^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):',
      `/proc/${info?.pid}/status`,
    ]);
    expect(stdout.replaceAll(/\s+/g, ' ')).toBe(
      'Uid: 65534 65534 65534 65534 CapEff: 0000000000000000 CapBnd: 0000000000000000 NoNewPrivs: 1 Seccomp: 2 ',
    );
  });

  it('outlives its driver and is adopted', async () => {
    const before = await driver.info(vm.uid);
    await driver.close();
    const next = lab.driver();
    const adopted: unknown[] = [];
    next.onEvent((event) => adopted.push(event));
    expect(await next.observe(lab.netns)).toEqual([vm]);
    expect(await next.info(vm.uid)).toEqual(before);
    expect(adopted).toEqual([
      { type: 'status', status: 'running', uid: vm.uid, netns: vm.netns },
      { type: 'agent', connected: true, uid: vm.uid, netns: vm.netns },
    ]);
    await attach(next, guest, vm.uid);
    await guest.ping(vm.uid);
    driver = next;
  });

  it('answers commands, input, exit codes, and output larger than a packet', async () => {
    const echo = await guest.exec(vm.uid, ['cat'], { input: 'hello' });
    expect(echo).toEqual({ exitCode: 0, stdout: 'hello', stderr: '', truncated: false });
    expect((await guest.exec(vm.uid, ['/bin/sh', '-c', 'echo no >&2; exit 3'])).exitCode).toBe(3);
    const large = await guest.exec(vm.uid, ['/bin/sh', '-c', 'head -c 200000 /dev/zero | tr "\\0" x']);
    expect(large.stdout).toHaveLength(200_000);
    await expect(guest.exec(vm.uid, ['sleep', '5'], { timeoutMs: 200 })).rejects.toMatchObject({
      reason: 'GuestAgentTimeout',
    });
    await expect(guest.exec(vm.uid, ['/no/such/program'])).rejects.toMatchObject({
      reason: 'GuestAgentRefused',
    });
  });

  it('powers off by its button, and is then shut down until deleted', async () => {
    await driver.powerdown(vm.uid);
    await expect.poll(async () => (await driver.info(vm.uid))?.status, { timeout: 15_000 }).toBe('shutdown');
    expect((await driver.apply([{ op: 'delete', from: vm }]))[0]?.error).toBeUndefined();
    expect(await driver.info(vm.uid)).toBeUndefined();
    guest.detach(vm.uid);
  });
});

describe('a guest with a seed', () => {
  it('takes version 2: static addresses, routes, names, DHCP beside them, and keys', async () => {
    const driver = lab.driver();
    const networkData = [
      'version: 2',
      'ethernets:',
      '  eth0:',
      '    addresses: [ 10.0.2.77/24, "fd10:0:2::2/120" ]  # both families',
      '    gateway4: 10.0.2.1',
      '    gateway6: fd10:0:2::1',
      '    routes:',
      '      - to: 172.16.0.0/12',
      '        via: 10.0.2.1',
      '        metric: 50',
      '    mtu: 1300',
      '    nameservers: {addresses: [10.0.2.53], search: [lab.example]}',
      '  second:',
      '    match: {macaddress: "02:00:00:00:00:02"}',
      '    set-name: lan0',
      '    dhcp4: true',
    ].join('\n');
    const userData = [
      '#cloud-config',
      'hostname: chosen',
      'ssh_authorized_keys:',
      '  - ssh-ed25519 AAAATEST me@here',
      'password: secret',
      'chpasswd: {expire: false}',
      'runcmd:',
      '  - echo "it\'s $((1+1))" > /run/ran',
      '  - [ sh, -c, "echo two >> /run/ran" ]',
    ].join('\n');
    const vm = lab.machine({ nics: [lab.nic(0), lab.nic(1)], seed: seedOf(userData, networkData) });
    await bootGuest(driver, guest, vm);
    await expect
      .poll(() => shell(guest, vm.uid, 'tail -n 1 /run/boot-times'), { timeout: 10_000 })
      .toMatch(/ready$/);
    const interfaces = await guest.interfaces(vm.uid);
    expect(interfaces.find((each) => each.name === 'eth0')?.addresses).toEqual(
      expect.arrayContaining(['10.0.2.77/24', 'fd10:0:2::2/120']),
    );
    await expect
      .poll(async () => (await guest.interfaces(vm.uid)).find((each) => each.name === 'lan0')?.addresses[0])
      .toMatch(/^10\.0\.2\.\d+\/24$/);
    const routes = await shell(guest, vm.uid, 'ip route; ip -6 route');
    expect(routes).toContain('172.16.0.0/12 via 10.0.2.1 dev eth0');
    expect(routes).toContain('default via fd10:0:2::1 dev eth0');
    expect(await shell(guest, vm.uid, 'cat /sys/class/net/eth0/mtu; head -n 2 /etc/resolv.conf')).toBe(
      '1300\nnameserver 10.0.2.53\nsearch lab.example',
    );
    expect(await guest.hostname(vm.uid)).toBe('chosen');
    expect(
      await shell(guest, vm.uid, 'cat /root/.ssh/authorized_keys /home/cloud-user/.ssh/authorized_keys'),
    ).toBe('ssh-ed25519 AAAATEST me@here\nssh-ed25519 AAAATEST me@here');
    expect(await shell(guest, vm.uid, 'cat /run/ran')).toBe("it's 2\ntwo");
    expect(await shell(guest, vm.uid, 'grep -cF ":\\$6\\$" /etc/shadow')).toBe('2');
    expect(await shell(guest, vm.uid, 'echo | nc -w 2 127.0.0.1 22 | head -n 1')).toContain(
      'SSH-2.0-dropbear',
    );
    expect((await driver.apply([{ op: 'delete', from: vm }]))[0]?.error).toBeUndefined();
    guest.detach(vm.uid);
  });

  it('takes version 1 and a script as user data, from a config drive', async () => {
    const driver = lab.driver();
    const networkData = [
      'version: 1',
      'config:',
      '- type: physical',
      '  name: eth0',
      '  subnets:',
      '  - type: static',
      '    address: 10.0.2.78',
      '    netmask: 255.255.255.0',
      '    gateway: 10.0.2.1',
    ].join('\n');
    const seed: VmSeed = {
      ...seedOf('#!/bin/sh\necho script > /run/ran\n', networkData),
      format: 'configdrive',
    };
    const vm = lab.machine({ seed });
    await bootGuest(driver, guest, vm);
    await expect.poll(() => shell(guest, vm.uid, 'cat /run/ran'), { timeout: 10_000 }).toBe('script');
    expect(await shell(guest, vm.uid, 'ip -4 -o addr show eth0; ip route show default')).toMatch(
      /10\.0\.2\.78\/24.*default via 10\.0\.2\.1 dev eth0/s,
    );
    expect(await guest.hostname(vm.uid)).toBe('vm-a');
    expect((await driver.apply([{ op: 'delete', from: vm }]))[0]?.error).toBeUndefined();
    guest.detach(vm.uid);
  });
});
