/** The fields that chat and completion requests have in common. */
import { parseBegun, withoutBegunText } from './begun.ts';
import type { Token } from './binding.ts';
import type { Engine } from './engine.ts';
import { type Fields, isFields, readBoolean, readNumber, refuseWhatCannotBeDone } from './fields.ts';
import type { Generation } from './generation.ts';
import { invalid } from './request-error.ts';
import { parseResponseFormat } from './response-format.ts';
import { parseSampling } from './sampling.ts';

/** Bounds on the text that every piece of a reply is searched for. */
const stopsMax = 16;
const stopLengthMax = 1024;

const refused = [
  'n',
  'best_of',
  'logprobs',
  'top_logprobs',
  'logit_bias',
  'echo',
  'tools',
  'functions',
  'tool_choice',
  'function_call',
  'audio',
  'modalities',
] as const;

export async function parseGeneration(
  engine: Engine,
  fields: Fields,
  source: { readonly field: string; parse(engine: Engine, fields: Fields): readonly Token[] },
): Promise<Generation> {
  refuseWhatCannotBeDone(fields, refused);
  const begun = parseBegun(engine, fields);
  const grammar = await parseResponseFormat(fields, engine.llama);
  if (begun !== undefined && grammar !== undefined) {
    throw invalid('response_format', 'cannot be gone on with: where its grammar was is not known');
  }
  return {
    tokensMax: readTokensMax(fields),
    sampling: parseSampling(fields),
    stops: parseStops(fields),
    grammar,
    begun,
    prompt: source.parse(engine, begun === undefined ? fields : withoutBegunText(fields)),
    promptField: source.field,
  };
}

export interface StreamWish {
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** Whether each piece comes with its tokens, so that another process can go on with them. */
  readonly tellsTokens: boolean;
}

export function parseStreamWish(fields: Fields): StreamWish {
  const options = fields['stream_options'] ?? {};
  if (!isFields(options)) throw invalid('stream_options', 'must be an object');
  return {
    stream: readBoolean(fields, 'stream'),
    includeUsage: readBoolean(options, 'include_usage'),
    tellsTokens: readBoolean(fields, 'millrace_tokens'),
  };
}

function readTokensMax(fields: Fields): number | undefined {
  const range = { min: 1, max: Number.MAX_SAFE_INTEGER, integer: true };
  return readNumber(fields, 'max_completion_tokens', range) ?? readNumber(fields, 'max_tokens', range);
}

function parseStops(fields: Fields): readonly string[] {
  const stop = fields['stop'] ?? [];
  const stops: readonly unknown[] = Array.isArray(stop) ? stop : [stop];
  if (stops.length > stopsMax) throw invalid('stop', `may hold at most ${stopsMax} strings`);
  return stops.map((text) => {
    if (typeof text !== 'string' || text === '' || text.length > stopLengthMax) {
      throw invalid('stop', `must be strings of 1 to ${stopLengthMax} characters`);
    }
    return text;
  });
}
