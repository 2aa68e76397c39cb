/** Unified diffs with three lines of context and no file names, as Go's difflib writes them. */

interface Edit {
  readonly sign: ' ' | '-' | '+';
  readonly line: string;
}

const CONTEXT = 3;
/** Most lines, on either side, that are compared one by one; beyond, the changed middle is replaced as a whole. */
const MAX_COMPARED = 2000;

/** The diff of two texts; empty when they are equal. Every line ends with a line break. */
export function unifiedDiff(before: string, after: string): string {
  const edits = editsOf(before.split('\n'), after.split('\n'));
  const changed = edits.flatMap(({ sign }, index) => (sign === ' ' ? [] : [index]));
  const hunks: (readonly [number, number])[] = [];
  for (const index of changed) {
    const [start, end] = [Math.max(0, index - CONTEXT), Math.min(edits.length, index + CONTEXT + 1)];
    const last = hunks.at(-1);
    if (last !== undefined && start <= last[1]) {
      hunks[hunks.length - 1] = [last[0], end];
    } else {
      hunks.push([start, end]);
    }
  }
  return hunks.map(([start, end]) => hunkText(edits, start, end)).join('');
}

function hunkText(edits: readonly Edit[], start: number, end: number): string {
  const count = (from: number, to: number, not: Edit['sign']) =>
    edits.slice(from, to).filter(({ sign }) => sign !== not).length;
  const range = (not: Edit['sign']) => {
    const [first, length] = [count(0, start, not) + 1, count(start, end, not)];
    return length === 1 ? `${first}` : `${length === 0 ? first - 1 : first},${length}`;
  };
  const lines = edits.slice(start, end).map(({ sign, line }) => `${sign}${line}\n`);
  return `@@ -${range('+')} +${range('-')} @@\n${lines.join('')}`;
}

function editsOf(before: readonly string[], after: readonly string[]): readonly Edit[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) {
    head += 1;
  }
  let tail = 0;
  const least = Math.min(before.length, after.length) - head;
  while (tail < least && before.at(-1 - tail) === after.at(-1 - tail)) {
    tail += 1;
  }
  const same = (line: string): Edit => ({ sign: ' ', line });
  return [
    ...before.slice(0, head).map(same),
    ...middle(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...before.slice(before.length - tail).map(same),
  ];
}

function middle(before: readonly string[], after: readonly string[]): readonly Edit[] {
  if (Math.max(before.length, after.length) > MAX_COMPARED) {
    return [
      ...before.map((line) => ({ sign: '-' as const, line })),
      ...after.map((line) => ({ sign: '+' as const, line })),
    ];
  }
  const width = after.length + 1;
  const lengths = new Uint16Array((before.length + 1) * width);
  const at = (i: number, j: number) => lengths[i * width + j] ?? 0;
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      lengths[i * width + j] =
        before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const edits: Edit[] = [];
  for (let i = 0, j = 0; i < before.length || j < after.length; ) {
    const [old, now] = [before[i], after[j]];
    if (old !== undefined && old === now) {
      edits.push({ sign: ' ', line: old });
      i += 1;
      j += 1;
    } else if (old !== undefined && (now === undefined || at(i + 1, j) >= at(i, j + 1))) {
      edits.push({ sign: '-', line: old });
      i += 1;
    } else {
      edits.push({ sign: '+', line: now ?? '' });
      j += 1;
    }
  }
  return edits;
}
