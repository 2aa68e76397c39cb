/** What every guest driver does; the guest behind it has one card `eth0`, 10.0.2.2/24, and knows `echo` and `false`. */
import { expect, it } from 'vitest';
import type { GuestDriver } from './driver.ts';

export interface GuestContractSubject {
  readonly driver: () => GuestDriver;
  readonly uid: string;
  /** Agent socket of the guest. */
  readonly socket: () => string;
}

/** Declares the suite's tests; they build on each other. */
export function guestDriverContract(subject: GuestContractSubject): void {
  const { uid } = subject;

  it('says that a guest is not connected', async () => {
    expect(subject.driver().isAttached(uid)).toBe(false);
    await expect(subject.driver().ping(uid)).rejects.toMatchObject({ reason: 'GuestAgentNotConnected' });
  });

  it('answers once attached', async () => {
    subject.driver().attach(uid, subject.socket());
    expect(subject.driver().isAttached(uid)).toBe(true);
    await subject.driver().ping(uid);
    expect(await subject.driver().hostname(uid)).toBe('vm-a');
    expect(await subject.driver().osInfo(uid)).toMatchObject({ id: 'patchbay-guest' });
  });

  it('lists cards without loopback, IPv4 before IPv6', async () => {
    expect(await subject.driver().interfaces(uid)).toEqual([
      { name: 'eth0', mac: '02:00:00:00:00:01', addresses: ['10.0.2.2/24', 'fe80::1/64'] },
    ]);
  });

  it('runs commands, several at once', async () => {
    const results = await Promise.all([
      subject.driver().exec(uid, ['echo', 'a']),
      subject.driver().exec(uid, ['false']),
      subject.driver().exec(uid, ['echo', 'b']),
    ]);
    expect(results.map(({ exitCode, stdout }) => [exitCode, stdout])).toEqual([
      [0, 'a\n'],
      [1, ''],
      [0, 'b\n'],
    ]);
  });

  it('is not connected any more after detach', async () => {
    subject.driver().detach(uid);
    await expect(subject.driver().hostname(uid)).rejects.toMatchObject({ reason: 'GuestAgentNotConnected' });
  });
}
