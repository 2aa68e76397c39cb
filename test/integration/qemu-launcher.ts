/** Launches one machine and waits to be killed. Arguments: run directory, the machine as JSON. */
import { createQemuDriver } from '#drivers/qemu/qemu.ts';
import { composeSeedImage } from '#drivers/seed/seed.ts';
import type { VirtualMachineState } from '#node-state/vm.ts';

const [runDir = '', json = ''] = process.argv.slice(2);
const vm = JSON.parse(json) as VirtualMachineState;
const warn = (message: string): void => console.error(message);
const driver = createQemuDriver({
  ...{ runDir, qemuUser: { uid: 65534, gid: 65534 }, seedImage: composeSeedImage },
  log: { warn, info: warn },
});
const [outcome] = await driver.apply([{ op: 'create', to: vm }]);
console.log(outcome?.error === undefined ? 'launched' : outcome.error.message);
setInterval(() => undefined, 60_000);
