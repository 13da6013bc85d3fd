/** The half that is read again at each reload as one text: with its comments, without its secrets. */
import { dirname, isAbsolute, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type Document, isScalar, parseDocument, stringify, visit } from 'yaml';
import { mask, maskedTree } from './masked-secrets.ts';
import {
  childrenOf,
  nodeAt,
  type Path,
  type Placed,
  type PlacedMap,
  placedAt,
  plainValue,
  scalarPaths,
  withNode,
} from './placed.ts';
import { readYaml } from './read-yaml.ts';
import { installKeys } from './schema.ts';

export interface HotText {
  readonly text: string;
  /** Whether secrets that stand in the file are left out of it. */
  readonly masked: boolean;
}

/** What a file says, and where its secrets stand in it. */
export interface WrittenText {
  readonly fileText: string;
  readonly written: PlacedMap;
  readonly secretPaths: readonly Path[];
}

export function writeHotText({ fileText, written, secretPaths }: WrittenText): HotText {
  const masked = maskedTree(written, secretPaths);
  const tree = withAbsolutePaths(masked, written.place.file);
  const plain = plainValue(tree);
  const text = keepingComments(fileText, tree) ?? generated(plain);
  return { text, masked: holdsMask(tree) };
}

export function holdsMask(node: Placed): boolean {
  if (node.kind === 'scalar') return node.value === mask;
  return childrenOf(node).some(holdsMask);
}

function generated(plain: unknown): string {
  return stringify(plain, { lineWidth: 0 });
}

/** The file's own text with what does not belong in it taken out; nothing where that does not say the same. */
function keepingComments(fileText: string, tree: PlacedMap): string | undefined {
  const document = parseDocument(fileText, { version: '1.2', schema: 'core', merge: false });
  if (document.errors.length > 0) return undefined;
  try {
    for (const key of ['include', ...installKeys]) document.delete(key);
    putMasks(document, tree);
    hideTellingComments(document);
    const text = document.toString({ lineWidth: 0 });
    const read = readYaml(text, '').root;
    return read !== undefined && isDeepStrictEqual(plainValue(read), plainValue(tree)) ? text : undefined;
  } catch {
    // An anchor that went with what was taken out, and the like: such a file is written anew.
    return undefined;
  }
}

function putMasks(document: Document, tree: PlacedMap): void {
  for (const path of scalarPaths(tree)) {
    const node = nodeAt(tree, path);
    if (node?.kind === 'scalar' && node.value === mask) document.setIn(path, mask);
  }
}

/** Long enough for a key, and with a digit in it: of a comment nobody knows whether it was one. */
const word = /[A-Za-z0-9_+/=-]{16,}/g;
const withoutKeys = (text: string) => text.replace(word, (found) => (/\d/.test(found) ? mask : found));

function hideTellingComments(document: Document): void {
  const hide = (node: object) => {
    for (const part of ['commentBefore', 'comment'] as const) {
      const text: unknown = Reflect.get(node, part);
      if (typeof text === 'string') Reflect.set(node, part, withoutKeys(text));
    }
  };
  hide(document);
  visit(document, {
    Node: (_key, node) => hide(node),
    Pair: (_key, { key }) => (isScalar(key) ? hide(key) : undefined),
  });
}

/** What a file in another folder names relative to itself is named in full. */
function withAbsolutePaths(tree: PlacedMap, mainFile: string): PlacedMap {
  const folder = dirname(mainFile);
  return scalarPaths(tree).reduce<Placed>((joined, path) => {
    const node = nodeAt(tree, path);
    if (node?.kind !== 'scalar' || typeof node.value !== 'string') return joined;
    const from = dirname(node.place.file);
    const full = from === folder ? undefined : inFull(node.value, path, from);
    return full === undefined
      ? joined
      : withNode(joined, path, { keyPlace: node.place, value: placedAt(full, node.place, path) });
  }, tree) as PlacedMap;
}

function inFull(text: string, path: Path, folder: string): string | undefined {
  const prefix = text.startsWith('file:') ? 'file:' : '';
  const isPath = prefix !== '' || (path[0] === 'upstreams' && path.length === 3 && path[2] === 'file');
  const named = text.slice(prefix.length);
  return isPath && !isAbsolute(named) ? `${prefix}${resolve(folder, named)}` : undefined;
}
