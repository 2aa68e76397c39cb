import { expect, test } from 'vitest';
import { formatKib, paint, renderTable } from './output.ts';
import { createProgress } from './progress.ts';

test('columns are as wide as their widest cell, colours do not count, lines have no trailing blanks', () => {
  const rows = [
    ['example-vm', { text: 'ok', style: 'green' as const }],
    ['b', { text: 'FAILED', style: 'red' as const }],
  ];
  expect(renderTable(['VM', 'PING'], rows)).toBe('VM           PING\nexample-vm   ok\nb            FAILED\n');
  expect(renderTable(['VM', 'PING'], rows, true)).toContain('\x1b[31mFAILED\x1b[39m');
  expect(renderTable(['A', 'B'], [['x', '']])).toBe('A   B\nx\n');
  expect(paint({ text: 'x', style: 'red' }, false)).toBe('x');
});

test('a cell stays on its line and cannot steer the terminal', () => {
  expect(renderTable(['A'], [['two\nlines \x1b[2Jgone\r']])).toBe('A\ntwo lines  [2Jgone\n');
});

test('memory is shown in MB', () => {
  expect([formatKib(512), formatKib(153_600)]).toEqual(['0.5 MB', '150 MB']);
});

/** A stream that keeps what is written. */
function memory(): { write: (chunk: string | Uint8Array) => boolean; written: () => string } {
  const chunks: string[] = [];
  return {
    write: (chunk) => {
      chunks.push(String(chunk));
      return true;
    },
    written: () => chunks.join(''),
  };
}

test('without a terminal every change is a plain line, once', () => {
  const { write, written } = memory();
  let now = 0;
  const progress = createProgress({ write }, () => now);
  progress.step('booting');
  progress.detail('a Scheduling');
  progress.detail('a Scheduling');
  progress.note('warning: slow');
  now = 1500;
  progress.done();
  progress.done();
  expect(written()).toBe('booting …\n  a Scheduling\nwarning: slow\n  done (1.5 s)\n');
});

test('on a terminal one line is rewritten and cut to its width', () => {
  const { write, written } = memory();
  const progress = createProgress({ write, isTTY: true, columns: 20 }, () => 0);
  progress.step('booting');
  progress.detail('a line that is longer than the terminal');
  progress.done();
  expect(written().split('\r\x1b[K').slice(1)).toEqual([
    '… booting',
    '… booting: a line …',
    '✔ booting  0.0 s\n',
  ]);
});
