/** Where a configuration is read from: the files, or the files' install half and what was applied over the rest. */
import { hash } from 'node:crypto';
import { dirname, join } from 'node:path';
import type { Vouched } from '../core/config-version.ts';
import { type Environment, expand } from './expand.ts';
import { withMaskedSecrets } from './masked-secrets.ts';
import { emptyMap, type PlacedMap, plainValue } from './placed.ts';
import type { Problem } from './problem.ts';
import { asMap, readFiles, type WrittenFiles } from './read-files.ts';
import { type ReadText, type ReadYaml, readYaml as readHere } from './read-yaml.ts';
import { hotKeys, installKeys } from './schema.ts';

export interface Sources {
  readonly root: PlacedMap;
  readonly half: WrittenHalf;
  readonly files: readonly string[];
  readonly problems: readonly Problem[];
  readonly partial: boolean;
}

/** The half that is read again at each reload, with variables, references and `***` still in it. */
export interface WrittenHalf {
  /** As it is in force. */
  readonly written: PlacedMap;
  /** With what `***` stands for. */
  readonly filled: PlacedMap;
  /** As the files have it. */
  readonly file: PlacedMap;
  /** Equal while the files say the same. */
  readonly fileDigest: string;
  /** Of the first of the files. */
  readonly fileText: string;
  /** Absent where the files' half is in force. */
  readonly applied: AppliedText | undefined;
}

export interface AppliedText {
  readonly text: string;
  /** What problems call it: `version 7`. */
  readonly name: string;
  /** Addresses in it, as HOST:PORT, that an owner answers for. */
  readonly vouched: Vouched;
}

/** Told what the files say; gives what is in force in its place, if anything. */
export type Choose = (fileDigest: string) => AppliedText | undefined;

export interface SourceOptions {
  readonly path?: string;
  readonly env: Environment;
  readonly choose?: Choose;
  /** Of large texts it may throw, and be asked for again once they are read. */
  readonly readYaml?: ReadYaml;
}

export function readSources({ path, env, choose, readYaml = readHere }: SourceOptions): Sources {
  const files = path === undefined ? nothing : readFiles(path, env, readYaml);
  const problems = [...files.problems];
  const file = hotHalf(files.root);
  const fileDigest = hash('sha256', JSON.stringify(plainValue(file))).slice(0, 16);
  const facts = { file, fileDigest, fileText: files.text };
  // What files that cannot be read say is not known, and so neither whether they are newer.
  const applied = problems.length > 0 ? undefined : choose?.(fileDigest);
  if (applied === undefined) {
    const root = expand(files.root, env, problems) as PlacedMap;
    return { ...files, root, problems, half: { ...facts, written: file, filled: file, applied } };
  }
  // It lies where the file lies: what is relative in it is so to the same folder.
  const read = readYaml(applied.text, join(dirname(files.root.place.file), applied.name));
  const written = readApplied(read, problems);
  const partial = written === undefined;
  const sent = written ?? emptyMap(files.root.place);
  const filled = withMaskedSecrets(sent, file, problems);
  const half = { ...facts, written: sent, filled, applied };
  // What belongs to neither half is a mistake in the file, and told as one.
  const rest = [...files.root.entries].filter(([key]) => !file.entries.has(key));
  const joined: PlacedMap = { ...files.root, entries: new Map([...rest, ...filled.entries]) };
  const root = expand(joined, env, problems) as PlacedMap;
  return { files: files.files, root, problems, partial, half };
}

const nothing: WrittenFiles = {
  root: emptyMap({ file: 'defaults', line: 0, column: 0 }),
  text: '',
  files: [],
  problems: [],
  partial: false,
};

function readApplied(text: ReadText, problems: Problem[]): PlacedMap | undefined {
  const read = asMap(text, problems);
  if (read === undefined) return undefined;
  const fixed: readonly string[] = ['include', ...installKeys];
  for (const [key, { keyPlace }] of read.entries) {
    if (!fixed.includes(key)) continue;
    const message = 'is for the file on disk alone: leave it out here';
    problems.push({ ...keyPlace, path: key, message });
  }
  return { ...read, entries: new Map([...read.entries].filter(([key]) => !fixed.includes(key))) };
}

function hotHalf(tree: PlacedMap): PlacedMap {
  const known: readonly string[] = hotKeys;
  return { ...tree, entries: new Map([...tree.entries].filter(([key]) => known.includes(key))) };
}
