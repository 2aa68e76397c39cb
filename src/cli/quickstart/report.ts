/** Prints what the quick start found out. */
import type { InstancePaths } from '#lab/names.ts';
import { defaultInstance } from '#lab/names.ts';
import { type Cell, printTable } from '../output.ts';
import type { NicRow } from './connectivity.ts';
import type { Check } from './measure.ts';
import type { QuickstartReport } from './quickstart.ts';

/** Prints the table of network cards and the connectivity matrix. */
export function printReport({ nics, connectivity }: QuickstartReport): void {
  process.stdout.write('\n');
  printTable(
    ['VM', 'NODE', 'NIC', 'NETWORK', 'BINDING', 'MAC', 'GUEST', 'ADDRESSES'],
    nics.map((row) => [
      row.vm,
      row.node,
      row.nic,
      row.network,
      row.binding,
      row.mac,
      row.guestInterface,
      row.addresses.join(' '),
    ]),
  );
  process.stdout.write('\nmeasured from inside the guests\n\n');
  printTable(
    ['FROM', 'TO', 'NETWORK', 'ADDRESS', 'PING', 'TCP', 'PACKET OF MTU'],
    connectivity.map(({ from, to, network, address, port, ping, tcp, mtu }) => [
      from,
      to,
      network,
      address,
      cell(ping),
      cell({ ...tcp, seen: `:${port} ${tcp.seen}` }),
      cell(mtu),
    ]),
  );
  if (connectivity.some(({ ping }) => ping.seen.includes('(pod)'))) {
    process.stdout.write(
      '\n(pod): a VM whose interface lists ports lets nothing else in; its pod answers the pings, the guest never sees them.\n',
    );
  }
}

function cell({ passed, seen }: Check): Cell {
  return { text: passed ? seen : `FAILED ${seen}`, style: passed ? 'green' : 'red' };
}

/** Prints what to try next. */
export function printNextCommands({ instance, kubeconfig }: InstancePaths, nics: readonly NicRow[]): void {
  const name = instance === defaultInstance ? '' : ` --name ${instance}`;
  const vm = nics[0]?.vm ?? 'example-vm';
  const lines = [
    `export KUBECONFIG=${kubeconfig}`,
    'kubectl get vm,vmi,nodes,nncp,net-attach-def',
    `kubectl describe vmi ${vm}`,
    'kubectl get nncp,nnce,nns',
    `bin/patchbay status${name}`,
    `bin/patchbay down${name}`,
  ];
  process.stdout.write(`\ntry next\n\n${lines.map((line) => `    ${line}\n`).join('')}`);
}
