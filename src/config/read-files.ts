/** Reads a configuration file and what it includes, into one tree. */
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Environment, expand } from './expand.ts';
import { mergeTrees } from './merge.ts';
import { childOf, emptyMap, type PlacedMap, withoutNodes } from './placed.ts';
import type { Place, Problem } from './problem.ts';
import type { ReadText, ReadYaml } from './read-yaml.ts';

const fileBytesMax = 1_048_576;
const includeDepthMax = 16;
const filesMax = 64;

export interface WrittenFiles {
  readonly root: PlacedMap;
  /** Of the first file. */
  readonly text: string;
  /** In the order in which they were read. */
  readonly files: readonly string[];
  readonly problems: readonly Problem[];
  /** Not everything could be read: names that seem unknown may stand in what is missing. */
  readonly partial: boolean;
}

/** What the environment's variables stand for is still to be put in. */
export function readFiles(path: string, environment: Environment, readYaml: ReadYaml): WrittenFiles {
  const start = resolve(path);
  const reading: Reading = { files: [], texts: [], problems: [], environment, readYaml, partial: false };
  const root = readTree(start, reading, { file: start, line: 0, column: 0, chain: [] });
  const { files, texts, problems, partial } = reading;
  const written = root ?? emptyMap({ file: start, line: 1, column: 1 });
  return { root: written, text: texts[0] ?? '', files, problems, partial };
}

interface Reading {
  readonly files: string[];
  readonly texts: string[];
  readonly problems: Problem[];
  readonly environment: Environment;
  readonly readYaml: ReadYaml;
  partial: boolean;
}

interface Asked extends Place {
  /** The files that include each other down to here. */
  readonly chain: readonly string[];
}

function readTree(file: string, reading: Reading, asked: Asked): PlacedMap | undefined {
  const root = readRoot(file, reading, asked);
  if (root === undefined) reading.partial = true;
  return root === undefined ? undefined : readIncludes(root, reading, [...asked.chain, file]);
}

function readRoot(file: string, reading: Reading, asked: Asked): PlacedMap | undefined {
  const { files, problems } = reading;
  const place = { file: asked.file, line: asked.line, column: asked.column };
  const path = asked.chain.length === 0 ? '' : 'include';
  const refusal = refuseFile(file, files, asked.chain);
  if (refusal !== undefined) {
    problems.push({ ...place, path, message: refusal });
    return undefined;
  }
  files.push(file);
  const read = readText(file);
  if ('problem' in read) {
    problems.push({ ...place, path, message: read.problem });
    return undefined;
  }
  reading.texts.push(read.text);
  return asMap(reading.readYaml(read.text, file), problems);
}

/** One text; nothing where it is not a configuration's. */
export function asMap(parsed: ReadText, problems: Problem[]): PlacedMap | undefined {
  problems.push(...parsed.problems);
  if (parsed.root === undefined || parsed.root.kind === 'map') return parsed.root;
  const message = 'a configuration is a map of keys, such as `listen:`';
  problems.push({ ...parsed.root.place, path: '', message });
  return undefined;
}

function refuseFile(file: string, files: readonly string[], chain: readonly string[]): string | undefined {
  if (chain.includes(file)) return 'these files include each other in a circle';
  if (files.includes(file)) return 'this file is included twice';
  if (chain.length > includeDepthMax) return `files include each other more than ${includeDepthMax} deep`;
  if (files.length >= filesMax) return `more than ${filesMax} files are included`;
  return undefined;
}

function readText(file: string): { text: string } | { problem: string } {
  try {
    const facts = statSync(file);
    if (!facts.isFile()) return { problem: `${file} is not a file` };
    if (facts.size > fileBytesMax) return { problem: `${file} is larger than 1 MiB` };
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file)) };
  } catch (error) {
    return { problem: `${file} ${reasonOf(error)}` };
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be read by this user',
  EPERM: 'may not be read by this user',
  ELOOP: 'is a circle of links',
  ENOTDIR: 'does not exist',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'is not UTF-8 text',
};

export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return reasons[code] ?? `cannot be read${code === '' ? '' : ` (${code})`}`;
}

/** Included files come first, in their order; the including file comes last. */
function readIncludes(root: PlacedMap, reading: Reading, chain: readonly string[]): PlacedMap {
  const named = childOf(root, 'include');
  if (named === undefined) return root;
  const include = expand(named, reading.environment, reading.problems);
  let merged: PlacedMap | undefined;
  for (const item of include.kind === 'list' ? include.items : [include]) {
    if (item.kind !== 'scalar' || typeof item.value !== 'string' || item.value === '') {
      reading.problems.push({
        ...item.place,
        path: 'include',
        message: 'must be a file, or a list of files',
      });
      continue;
    }
    const file = resolve(dirname(root.place.file), item.value);
    const tree = readTree(file, reading, { ...item.place, chain });
    if (tree !== undefined) merged = merged === undefined ? tree : mergeTrees(merged, tree, reading.problems);
  }
  const own = withoutNodes(root, [['include']]) as PlacedMap;
  return merged === undefined ? own : mergeTrees(merged, own, reading.problems);
}
