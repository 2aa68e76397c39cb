/** Data on standard output, for people and for scripts. */
import { styleText } from 'node:util';

/** How a command prints its data. */
export type OutputFormat = 'table' | 'json';

/** Prints one JSON document. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}

/** A cell: text, with a colour when the terminal shows colours. */
export interface Cell {
  readonly text: string;
  readonly style?: 'red' | 'green' | 'yellow' | 'bold' | 'dim';
}

/** Columns aligned as `kubectl get` does: header in capitals, two or more spaces between, nothing after the last. */
export function renderTable(
  header: readonly string[],
  rows: readonly (readonly (string | Cell)[])[],
  useColours = false,
): string {
  const cells = rows.map((row) => row.map(toCell));
  const widths = header.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column]?.text.length ?? 0)),
  );
  const line = (row: readonly Cell[]): string =>
    row
      .map((cell, column) => {
        const padding =
          column === header.length - 1 ? '' : ' '.repeat((widths[column] ?? 0) - cell.text.length + 3);
        return `${paint(cell, useColours)}${padding}`;
      })
      .join('')
      .trimEnd();
  return `${[line(header.map((text) => ({ text }))), ...cells.map(line)].join('\n')}\n`;
}

/** One line without control characters: what guests and commands report must not steer the terminal. */
function toCell(cell: string | Cell): Cell {
  const { text, ...rest } = typeof cell === 'string' ? { text: cell } : cell;
  return { ...rest, text: text.replaceAll(/\p{Cc}+/gu, ' ').trim() };
}

/** A cell's text with its colour. */
export function paint({ text, style }: Cell, useColours: boolean): string {
  return useColours && style !== undefined ? styleText(style, text, { validateStream: false }) : text;
}

/** True when a stream is a terminal that wants colours (https://no-color.org). */
export function wantsColours(stream: { readonly isTTY?: boolean }): boolean {
  return stream.isTTY === true && (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb';
}

/** Prints a table. */
export function printTable(header: readonly string[], rows: readonly (readonly (string | Cell)[])[]): void {
  process.stdout.write(renderTable(header, rows, wantsColours(process.stdout)));
}

/** `12.3 MB` of a number of KiB. */
export function formatKib(kib: number): string {
  return `${(kib / 1024).toFixed(kib < 10_240 ? 1 : 0)} MB`;
}
