/** The parameters that a Modelfile may set, and how each is written. */
import { fail } from '../core/failure.ts';
import { type OptionKind, optionKinds } from './engine-options.ts';
import type { Instruction } from './modelfile-lines.ts';

export type ParameterValue = string | number | boolean | readonly string[];

/** `value` is absent for a parameter that Ollama once knew. */
export function readParameter(instruction: Instruction): { name: string; value: ParameterValue | undefined } {
  const { word: name, value: text } = instruction;
  if (name === '') throw parameterError(instruction, 'PARAMETER needs a name and a value');
  const kind = optionKinds.get(name);
  if (kind === undefined) throw parameterError(instruction, `${name} is not a parameter of a model`);
  if (kind === 'gone') return { name, value: undefined };
  const value = readers[kind](text);
  if (value === undefined)
    throw parameterError(instruction, `${name} must be ${wanted[kind]}, not ${text.slice(0, 40)}`);
  return { name, value };
}

type KnownKind = Exclude<OptionKind, 'gone'>;

const wanted: Readonly<Record<KnownKind, string>> = {
  whole: 'a whole number',
  number: 'a number',
  flag: 'true or false',
  texts: 'text',
};

const flags: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((text) => [text, false] as const),
]);

const readers: Readonly<Record<KnownKind, (text: string) => ParameterValue | undefined>> = {
  whole: (text) => (/^[-+]?\d{1,15}$/.test(text) ? Number(text) : undefined),
  number: (text) => (/^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(text) ? Number(text) : undefined),
  flag: (text) => flags.get(text),
  texts: (text) => [text],
};

function parameterError({ line }: Instruction, message: string) {
  return fail('invalid_request', `modelfile line ${line}: ${message}`, { param: 'modelfile' });
}
