/** Cuts a Modelfile into instructions: comments, quotes and values over several lines. */
import { fail } from '../core/failure.ts';

export interface Instruction {
  /** In lower case: `FROM` and `from` are the same. */
  readonly name: string;
  /** The parameter's name, or the message's role; empty for all other instructions. */
  readonly word: string;
  readonly value: string;
  /** Where it begins, counted from one. */
  readonly line: number;
}

const beginning = /^[ \t]*([A-Za-z]+)(?:[ \t]+(.*))?$/;
const worded: ReadonlySet<string> = new Set(['parameter', 'message']);

export function splitModelfile(text: string): readonly Instruction[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/);
  const instructions: Instruction[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    const [, name, rest] = beginning.exec(line) ?? [];
    if (name === undefined) throw syntaxError(at, 'expected an instruction such as FROM or PARAMETER');
    if (rest === undefined) throw syntaxError(at, `${name.toUpperCase()} needs a value`);
    const word = worded.has(name.toLowerCase()) ? (/^\S+/.exec(rest)?.[0] ?? '') : '';
    const { value, last } = readValue(lines, at, rest.slice(word.length).trim());
    instructions.push({ name: name.toLowerCase(), word, value, line: at + 1 });
    at = last;
  }
  return instructions;
}

/** A value that opens a quote goes on to the line that ends with it. */
function readValue(lines: readonly string[], first: number, begun: string) {
  const quote = begun.startsWith('"""') ? '"""' : begun.startsWith('"') ? '"' : '';
  if (quote === '') return { value: begun, last: first };
  if (closes(begun, quote, true)) return { value: unquoted(begun, quote), last: first };
  for (let at = first + 1; at < lines.length; at += 1) {
    if (!closes(lines[at] ?? '', quote, false)) continue;
    const middle = lines.slice(first + 1, at + 1).join('\n');
    return { value: unquoted(`${begun}\n${middle}`.trimEnd(), quote), last: at };
  }
  throw syntaxError(first, `the quote ${quote} is never closed`);
}

/** On the line that opens it, the opening quote itself does not close it. */
function closes(line: string, quote: string, opens: boolean): boolean {
  const trimmed = line.trimEnd();
  return trimmed.endsWith(quote) && trimmed.length >= (opens ? quote.length * 2 : quote.length);
}

function unquoted(text: string, quote: string): string {
  return text.slice(quote.length, -quote.length);
}

function syntaxError(at: number, message: string) {
  return fail('invalid_request', `modelfile line ${at + 1}: ${message}`, { param: 'modelfile' });
}
