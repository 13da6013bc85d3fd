/** A Modelfile, read into the structured form that Ollama's `/api/create` takes. */
import { type Failure, fail } from '../core/failure.ts';
import { type Instruction, splitModelfile } from './modelfile-lines.ts';
import { type ParameterValue, readParameter } from './modelfile-parameters.ts';

export interface CreateForm {
  from?: string;
  /** File names and the digests of their blobs. */
  files?: Record<string, string>;
  draft_files?: Record<string, string>;
  adapters?: Record<string, string>;
  template?: string;
  system?: string;
  license?: string[];
  parameters?: Record<string, ParameterValue>;
  messages?: { role: string; content: string }[];
  renderer?: string;
  parser?: string;
  requires?: string;
}

export interface ParsedModelfile {
  readonly create: CreateForm;
  /** What was left out and why: Ollama no longer knows these parameters. */
  readonly warnings: readonly string[];
}

/** `digests` says which blob holds each file that the Modelfile names: we never open a client's paths. */
export function parseModelfile(
  text: string,
  digests: Readonly<Record<string, string>> = {},
): ParsedModelfile {
  const draft: Draft = { create: {}, warnings: [], digests };
  for (const instruction of splitModelfile(text)) {
    const apply = instructions.get(instruction.name);
    if (apply === undefined) throw unknownInstruction(instruction);
    apply(draft, instruction);
  }
  const { create, warnings } = draft;
  if (create.from === undefined && create.files === undefined) {
    throw fail('invalid_request', 'modelfile has no FROM line', { param: 'modelfile' });
  }
  return { create, warnings };
}

interface Draft {
  readonly create: CreateForm;
  readonly warnings: string[];
  readonly digests: Readonly<Record<string, string>>;
}

type Apply = (draft: Draft, instruction: Instruction) => void;

const instructions: ReadonlyMap<string, Apply> = new Map<string, Apply>([
  ['from', applyFrom],
  ['parameter', applyParameter],
  ['message', applyMessage],
  ['requires', applyRequires],
  ['adapter', applyFile('adapters')],
  ['draft', applyFile('draft_files')],
  ['template', applyText('template')],
  ['system', applyText('system')],
  ['renderer', applyText('renderer')],
  ['parser', applyText('parser')],
  [
    'license',
    ({ create }, { value }) => {
      create.license = [...(create.license ?? []), value];
    },
  ],
]);

function applyText(key: 'template' | 'system' | 'renderer' | 'parser'): Apply {
  return ({ create }, { value }) => {
    create[key] = value;
  };
}

/** A name of a model, or a file; the same word may be either, and a digest decides. */
function applyFrom(draft: Draft, instruction: Instruction): void {
  const { value } = instruction;
  if (value === '') throw modelfileError(instruction, 'FROM names nothing');
  const isFile =
    Object.hasOwn(draft.digests, value) || blobDigest(value) !== undefined || pathLook.test(value);
  if (isFile) addFile(draft, 'files', instruction);
  else draft.create.from = value;
}

function applyFile(key: 'adapters' | 'draft_files'): Apply {
  return (draft, instruction) => addFile(draft, key, instruction);
}

const pathLook = /^(?:[./~\\]|[A-Za-z]:\\)|\.(?:gguf|safetensors|bin|pth)$/i;
const digestForm = /^@?(sha256)[:-]([0-9a-f]{64})$/;

function blobDigest(text: string): string | undefined {
  const match = digestForm.exec(text);
  return match === null ? undefined : `${match[1]}:${match[2]}`;
}

function addFile(draft: Draft, key: 'files' | 'adapters' | 'draft_files', instruction: Instruction): void {
  const { value } = instruction;
  const named = Object.hasOwn(draft.digests, value) ? draft.digests[value] : value;
  const digest = blobDigest(named ?? '');
  if (digest === undefined) {
    const message = `${instruction.name.toUpperCase()} names the file ${value}; upload it as a blob and give its digest`;
    throw modelfileError(instruction, message);
  }
  draft.create[key] = Object.fromEntries([...Object.entries(draft.create[key] ?? {}), [value, digest]]);
}

function applyParameter({ create, warnings }: Draft, instruction: Instruction): void {
  const read = readParameter(instruction);
  if (read.value === undefined) {
    warnings.push(`line ${instruction.line}: parameter ${read.name} is no longer known and was left out`);
    return;
  }
  const { name, value } = read;
  const before = create.parameters?.[name];
  const joined = Array.isArray(before) && Array.isArray(value) ? [...before, ...value] : value;
  create.parameters = { ...create.parameters, [name]: joined };
}

function applyMessage({ create }: Draft, instruction: Instruction): void {
  const { word: role, value: content } = instruction;
  if (role !== 'system' && role !== 'user' && role !== 'assistant') {
    throw modelfileError(instruction, 'MESSAGE needs a role: system, user or assistant');
  }
  create.messages = [...(create.messages ?? []), { role, content }];
}

const versionForm = /^v?(\d+(?:\.\d+){0,2}(?:-[\w.-]+)?(?:\+[\w.-]+)?)$/;

function applyRequires({ create }: Draft, instruction: Instruction): void {
  const version = versionForm.exec(instruction.value)?.[1];
  if (version === undefined) throw modelfileError(instruction, 'REQUIRES needs a version such as 0.14.0');
  create.requires = version;
}

function unknownInstruction(instruction: Instruction): Failure {
  const known = [...instructions.keys()].map((name) => name.toUpperCase()).join(', ');
  return modelfileError(instruction, `${instruction.name.toUpperCase()} is not one of ${known}`);
}

function modelfileError({ line }: Instruction, message: string): Failure {
  return fail('invalid_request', `modelfile line ${line}: ${message}`, { param: 'modelfile' });
}
