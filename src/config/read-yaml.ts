/** YAML text to placed values. Everything that YAML can do and a configuration should not is refused here. */
import {
  type ErrorCode,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLError,
} from 'yaml';
import type { Path, Placed, PlacedEntry } from './placed.ts';
import { formatPath, type Place, type Problem } from './problem.ts';

const depthMax = 32;
/** Aliases are counted as often as they are used, so that none of them can be a bomb. */
const nodesMax = 200_000;
/** Syntax errors shown of one file. */
const problemsMax = 20;

/** Control characters, and halves of characters. */
const unprintable = /[^\P{Cc}\t\n\r\u0085]|\p{Cs}/u;

/** The parser's own words may quote the file, and the file may hold secrets. */
const syntaxMessages: Readonly<Partial<Record<ErrorCode, string>>> = {
  ALIAS_PROPS: 'an alias cannot have an anchor or tag',
  BAD_ALIAS: 'this alias has no anchor before it',
  BAD_COLLECTION_TYPE: 'this tag does not fit what follows it',
  BAD_DIRECTIVE: 'this directive is not known',
  BAD_DQ_ESCAPE: 'this escape is not known in a quoted text; double the backslash, or use single quotes',
  BAD_INDENT: 'the indentation does not fit, or a bracket before it is not closed',
  BAD_SCALAR_START: 'a plain text cannot begin with this character; put quotes around it',
  BLOCK_AS_IMPLICIT_KEY: 'a nested value cannot begin on this line',
  BLOCK_IN_FLOW: 'a block cannot stand inside brackets',
  DUPLICATE_KEY: 'this key stands here twice',
  KEY_OVER_1024_CHARS: 'this key is too long',
  MISSING_CHAR: 'a quote, bracket, comma or colon is missing here',
  MULTILINE_IMPLICIT_KEY: 'a key must stand on one line',
  MULTIPLE_DOCS: 'a file holds one configuration; `---` begins a second one here',
  RESOURCE_EXHAUSTION: 'this is nested too deeply',
  TAB_AS_INDENT: 'a tab cannot indent; use spaces',
  TAG_RESOLVE_FAILED: 'this tag is not known',
  UNEXPECTED_TOKEN: 'this does not belong here',
};

export interface ReadText {
  readonly root: Placed | undefined;
  readonly problems: Problem[];
}

export type ReadYaml = (text: string, file: string) => ReadText;

export function readYaml(text: string, file: string): ReadText {
  const lines = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    version: '1.2',
    schema: 'core',
    merge: false,
    // Its own search for duplicates is quadratic; ours is a lookup.
    uniqueKeys: false,
    resolveKnownTags: false,
  });
  const problems = rootCauses([...document.errors, ...document.warnings]).map((error) => ({
    ...placeAt(error.pos[0]),
    path: '',
    message: syntaxMessages[error.code] ?? 'this is not valid YAML',
    ...hintFor(text, error.pos[0]),
  }));
  // YAML knows no such characters: what holds one was damaged, and not every database can keep it.
  const unprintableAt = text.search(unprintable);
  if (unprintableAt >= 0) {
    problems.unshift({ ...placeAt(unprintableAt), path: '', message: 'a control character stands here' });
  }
  if (problems.length > 0) return { root: undefined, problems };
  const reader = new Reader(placeAt);
  const root = document.contents === null ? undefined : reader.read(document.contents, []);
  if (root === undefined && reader.problems.length === 0) {
    reader.problems.push({ ...placeAt(0), path: '', message: 'the file is empty' });
  }
  return { root, problems: reader.problems };
}

/** One mistake makes the parser stumble over much that follows: that is left out. */
function rootCauses(errors: readonly YAMLError[]): readonly YAMLError[] {
  // Where the depth is too much, what else is found, and how often, depends on how deep the stack was.
  const tooDeep = errors.find((error) => error.code === 'RESOURCE_EXHAUSTION');
  if (tooDeep !== undefined) return [tooDeep];
  return errors
    .filter((error, index) => index === 0 || error.code !== 'UNEXPECTED_TOKEN')
    .slice(0, problemsMax);
}

/** Inside `{ … }` an unquoted variable ends the map, which nobody expects. */
function hintFor(text: string, offset: number): { hint?: string } {
  const before =
    text
      .slice(Math.max(0, offset - 256), offset + 2)
      .split('\n')
      .at(-1) ?? '';
  const [begin, end] = ['$' + '{', '}'];
  return before.includes(begin) ? { hint: `inside { } put quotes around ${begin}…${end}` } : {};
}

class Reader {
  readonly problems: Problem[] = [];
  readonly #placeAt: (offset: number) => Place;
  readonly #anchors = new Map<string, Node>();
  readonly #open = new Set<unknown>();
  #nodes = 0;

  constructor(placeAt: (offset: number) => Place) {
    this.#placeAt = placeAt;
  }

  read(node: unknown, path: Path): Placed | undefined {
    const place = this.#placeOf(node);
    this.#nodes += 1;
    if (this.#nodes > nodesMax) return this.#refuseOnce(place, path, 'the file holds too many values');
    if (path.length > depthMax) return this.#refuseOnce(place, path.slice(0, 4), 'this is nested too deeply');
    if (isAlias(node)) return this.#readAlias(node.source, { path, place });
    this.#remember(node);
    if (isScalar(node)) return this.#readScalar(node.value, { path, place });
    this.#open.add(node);
    const read = this.#readCollection(node, { path, place });
    this.#open.delete(node);
    return read;
  }

  #readCollection(node: unknown, at: { path: Path; place: Place }): Placed {
    if (isMap(node)) return this.#readMap(node.items, at);
    if (!isSeq(node)) return { kind: 'scalar', ...at, value: null };
    const items = node.items.map((item, index) => this.read(item, [...at.path, index]));
    return { kind: 'list', ...at, items: items.filter((item) => item !== undefined) };
  }

  #readMap(items: readonly { key: unknown; value: unknown }[], at: { path: Path; place: Place }): Placed {
    const entries = new Map<string, PlacedEntry>();
    for (const { key, value } of items) {
      const keyPlace = this.#placeOf(key);
      const name = this.#readKey(key, at.path);
      if (name === undefined) continue;
      if (entries.has(name)) this.#refuse(keyPlace, [...at.path, name], 'this key stands here twice');
      const read = this.read(value, [...at.path, name]);
      // A key without a value stands where its key stands.
      if (read !== undefined)
        entries.set(name, { keyPlace, value: value === null ? { ...read, place: keyPlace } : read });
    }
    return { kind: 'map', ...at, entries };
  }

  #readKey(key: unknown, path: Path): string | undefined {
    if (!isScalar(key) || key.value === null || typeof key.value === 'object') {
      this.#refuse(this.#placeOf(key), path, 'a key must be a plain text');
      return undefined;
    }
    this.#remember(key);
    const name = key.source ?? String(key.value);
    if (name !== '__proto__') return name;
    this.#refuse(this.#placeOf(key), path, 'this key is not allowed');
    return undefined;
  }

  #readScalar(value: unknown, at: { path: Path; place: Place }): Placed | undefined {
    if (
      typeof value === 'string' ||
      typeof value === 'number' ||
      typeof value === 'boolean' ||
      value === null
    ) {
      return { kind: 'scalar', ...at, value };
    }
    return this.#refuse(at.place, at.path, 'this is neither text, number, boolean, list nor map');
  }

  /** An anchor may be given again: an alias means the last one before it. */
  #readAlias(source: string, at: { path: Path; place: Place }): Placed | undefined {
    const node = this.#anchors.get(source);
    if (node === undefined) return this.#refuse(at.place, at.path, 'this alias has no anchor before it');
    if (this.#open.has(node))
      return this.#refuse(at.place, at.path, 'this alias stands inside its own anchor');
    const read = this.read(node, at.path);
    return read === undefined ? undefined : { ...read, place: at.place };
  }

  #remember(node: unknown): void {
    if ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor !== undefined) {
      this.#anchors.set(node.anchor, node);
    }
  }

  #placeOf(node: unknown): Place {
    const known = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node);
    return this.#placeAt(known ? (node.range?.[0] ?? 0) : 0);
  }

  #refuse(place: Place, path: Path, message: string): undefined {
    this.problems.push({ ...place, path: formatPath(path), message });
  }

  #refuseOnce(place: Place, path: Path, message: string): undefined {
    if (this.problems.some((problem) => problem.message === message)) return undefined;
    return this.#refuse(place, path, message);
  }
}
