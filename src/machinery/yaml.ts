/**
 * YAML whose mappings have each key once. The `yaml` package compares every key with all before it, which takes seconds for
 * some thousand keys; here each mapping's keys go into a set instead.
 */
import {
  type Document,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type ParsedNode,
  parseAllDocuments,
  parseDocument,
  YAMLParseError,
} from 'yaml';

/** What may differ from YAML 1.2 and the package's defaults. */
export interface YamlOptions {
  readonly version?: '1.1';
  /** Most nodes that aliases may stand for in place of each anchor's. */
  readonly maxAliasCount?: number;
}

/** Reads one document. @throws YAMLParseError for the first fault, a key that occurs twice in a mapping among them. */
export function parseYaml(text: string, { version, maxAliasCount }: YamlOptions = {}): unknown {
  const lines = new LineCounter();
  const document = parseDocument(text, { ...settings(lines), ...(version === undefined ? {} : { version }) });
  noteDuplicates(document, lines);
  const [fault] = document.errors;
  if (fault !== undefined) {
    throw fault;
  }
  return document.toJS(maxAliasCount === undefined ? {} : { maxAliasCount });
}

/** Reads every document of a stream; what is wrong with one is in its `errors`. */
export function parseYamlDocuments(text: string): readonly Document.Parsed[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, settings(lines)) as Document.Parsed[];
  for (const document of documents) {
    noteDuplicates(document, lines);
  }
  return documents;
}

function settings(lineCounter: LineCounter) {
  return { lineCounter, merge: false, uniqueKeys: false, logLevel: 'error' } as const;
}

function noteDuplicates(document: Document.Parsed, lines: LineCounter): void {
  const open: unknown[] = [document.contents];
  while (open.length > 0) {
    const node = open.pop();
    if (isMap<ParsedNode, ParsedNode | null>(node)) {
      noteIn(node.items, document, lines);
      open.push(...node.items);
    } else if (isSeq(node)) {
      open.push(...node.items);
    } else if (isPair(node)) {
      open.push(node.key, node.value);
    }
  }
}

function noteIn(
  items: readonly { readonly key: ParsedNode }[],
  document: Document,
  lines: LineCounter,
): void {
  const keys = new Set<unknown>();
  for (const { key } of items) {
    if (!isScalar(key)) {
      continue; // as the package: other keys are never the same
    }
    if (keys.has(key.value)) {
      const [start, end] = key.range;
      const { line, col } = lines.linePos(start);
      const why = `Map keys must be unique: ${JSON.stringify(key.source)} at line ${line}, column ${col}`;
      document.errors.push(new YAMLParseError([start, end], 'DUPLICATE_KEY', why));
    }
    keys.add(key.value);
  }
}
