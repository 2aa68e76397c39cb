/** Prints every probe of this machine. */
import { probeKernel } from '#drivers/probe/kernel.ts';
import { probeAccelerator } from '#lab/accelerator.ts';
import { probeMachine } from '#lab/machine-probes.ts';
import type { OutputOptions } from './command.ts';
import { exitCodes } from './exit-codes.ts';
import { type Cell, printJson, printTable } from './output.ts';

/** Options of `patchbay doctor`. */
export interface DoctorOptions extends OutputOptions {
  /** Boots a guest under KVM again even when the answer is kept. */
  readonly refresh?: boolean;
}

/** What a row of the table needs; drivers' probes have more. */
interface Row {
  readonly name: string;
  readonly present: boolean;
  readonly required: boolean;
  readonly chosen: string;
  readonly why: string;
  readonly remedy?: string;
}

/** Exits with 1 when something required is missing. What is optional has a stand-in, named in its row. */
export async function showDoctor({ output, refresh }: DoctorOptions): Promise<void> {
  const [machine, kernel] = await Promise.all([probeMachine(), probeAsRoot(refresh === true)]);
  const rows: readonly Row[] = [...machine, ...kernel];
  if (output === 'json') {
    printJson(rows);
  } else {
    printTable(
      ['PROBE', 'THERE', 'CHOSEN', 'WHY'],
      rows.map((row) => [row.name, thereOf(row), row.chosen, row.why]),
    );
    const remedies = rows.filter(({ remedy }) => remedy !== undefined);
    if (remedies.length > 0) {
      process.stdout.write('\n');
      printTable(
        ['PROBE', 'TO MEND IT'],
        remedies.map(({ name, remedy = '' }) => [name, remedy]),
      );
    }
  }
  if (rows.some(({ required, present }) => required && !present)) {
    process.exitCode = exitCodes.failure;
  }
}

/** Kernel features are tried out in a network namespace, KVM with a guest: both only root can. */
async function probeAsRoot(refresh: boolean): Promise<readonly Row[]> {
  if (process.getuid?.() !== 0) {
    const why = 'tried out in a network namespace and with a guest, which only root can';
    return [
      {
        name: 'kernel, kvm',
        present: false,
        required: false,
        chosen: 'not probed',
        why,
        remedy: 'run as root',
      },
    ];
  }
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  const records = await Promise.all([probeKernel(), probeAccelerator({ refresh, log })]);
  return records.flat().map((record) => ({ ...record, required: false }));
}

function thereOf({ present, required }: Row): Cell {
  if (present) {
    return { text: 'yes', style: 'green' };
  }
  return required ? { text: 'NO', style: 'red' } : { text: 'no', style: 'yellow' };
}
