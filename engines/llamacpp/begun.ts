/**
 * The beginning of a reply that another process drew: its tokens are taken as they are, and the reply goes on behind
 * them. Only the same model can do that; any other goes on from the text.
 */
import type { Token } from './binding.ts';
import type { Engine } from './engine.ts';
import { type Fields, isFields } from './fields.ts';
import { invalid } from './request-error.ts';

export interface Begun {
  readonly ids: readonly Token[];
  /** How its prompt was computed (`slot.ts`), where the reply must be to the last byte what it would have been. */
  readonly read: unknown;
  /** What its text ends with: said once more, so that whoever asked can see that it is gone on with. */
  readonly again: string;
  /** How many tokens the bound on the reply allows for that. None are drawn for it. */
  readonly tokensAgain: number;
}

const field = 'millrace_begun';
const idsMax = 1_000_000;

/** Nothing where nothing was begun, or not by this model. */
export function parseBegun(engine: Engine, fields: Fields): Begun | undefined {
  const told = fields[field] ?? undefined;
  if (told === undefined) return undefined;
  if (!isFields(told)) throw invalid(field, 'must be an object');
  const { of, ids, read, again, tokens_again: tokensAgain } = told;
  if (of !== engine.fingerprint) return undefined;
  if (!Array.isArray(ids) || ids.length > idsMax || !ids.every((id) => Number.isInteger(id) && id >= 0)) {
    throw invalid(`${field}.ids`, 'must be tokens of this model');
  }
  if (typeof again !== 'string') throw invalid(`${field}.again`, 'must be a string');
  if (typeof tokensAgain !== 'number') throw invalid(`${field}.tokens_again`, 'must be a number');
  return { ids, read, again, tokensAgain };
}

/** The text that the client put behind its question: the tokens of the reply stand for it where they are taken. */
export function withoutBegunText(fields: Fields): Fields {
  const { text } = fields[field] as Fields;
  if (typeof text !== 'string' || text === '') return fields;
  const { messages, prompt } = fields;
  if (Array.isArray(messages))
    return { ...fields, messages: messages.slice(0, -1), continue_final_message: false };
  return typeof prompt === 'string' ? { ...fields, prompt: prompt.slice(0, -text.length) } : fields;
}
