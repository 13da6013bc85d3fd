/** What `/api/create` is asked for, in the structured form that current servers take. */
import type { Json, JsonObject } from '../core/call.ts';
import { fail } from '../core/failure.ts';
import { parseModelfile } from './modelfile.ts';
import { readDigest } from './ollama-names.ts';
import { invalid, isAbsent, optionalObject, optionalString } from './read.ts';

export interface Creation {
  readonly form: JsonObject;
  /** The blobs it is made of: each must lie on the server already. */
  readonly digests: readonly string[];
  readonly warnings: readonly string[];
}

const fileFields = ['files', 'adapters', 'draft_files'] as const;
const filesMax = 1_024;

export function readCreation(form: JsonObject): Creation {
  const { modelfile, path, ...structured } = form;
  if (!isAbsent(path)) {
    throw fail('unsupported', 'path is not supported: it names a file on the server', { param: 'path' });
  }
  const given = fileFields.map((field) => [field, readFiles(structured, field)] as const);
  const text = optionalString(modelfile, 'modelfile');
  if (text === undefined) return { form: structured, digests: digestsOf(structured), warnings: [] };
  const named = Object.assign({}, ...given.map(([, files]) => files)) as Record<string, string>;
  const { create, warnings } = parseModelfile(text, named);
  const parsed = { ...create, ...structured } as JsonObject;
  const renamed = fileFields.map((field) => [field, withPlainNames(create[field])] as const);
  const files = renamed.filter(([, value]) => value !== undefined);
  const complete: JsonObject = { ...parsed, ...Object.fromEntries(files) };
  return { form: complete, digests: digestsOf(complete), warnings };
}

function readFiles(form: JsonObject, field: string): Readonly<Record<string, string>> {
  const files = Object.entries(optionalObject(form[field], field) ?? {});
  if (files.length > filesMax) throw invalid(field, `has more than ${filesMax} entries`);
  return Object.fromEntries(files.map(([name, digest]) => readFile(field, name, digest)));
}

/** Ollama refuses rooted names; we refuse those that climb, before a server that does not gets to see them. */
function readFile(field: string, name: string, digest: Json | undefined): readonly [string, string] {
  const param = `${field}[${JSON.stringify(name.slice(0, 100))}]`;
  if (name === '' || name.startsWith('/') || name.split(/[/\\]/).includes('..')) {
    throw invalid(param, 'is not a plain relative name of a file');
  }
  return [name, readDigest(digest, param)];
}

/** A Modelfile names files by paths of the machine it was written on; a server knows them by a plain name. */
function withPlainNames(files: Readonly<Record<string, string>> | undefined) {
  if (files === undefined) return undefined;
  const plain = new Map<string, string>();
  for (const [path, digest] of Object.entries(files)) {
    const base = path.split(/[/\\]/).at(-1) ?? path;
    plain.set(plain.has(base) ? `${plain.size}-${base}` : base, digest);
  }
  return Object.fromEntries(plain);
}

function digestsOf(form: JsonObject): readonly string[] {
  return [...new Set(fileFields.flatMap((field) => Object.values(readFiles(form, field))))];
}
