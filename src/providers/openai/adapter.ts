/** OpenAI and every server that speaks its dialect: vLLM, llama.cpp, LM Studio, the simulator, … */
import type { Adapter, Encoded } from '../../core/adapter.ts';
import type { Call, Dialect } from '../../core/call.ts';
import { decodeOpenai } from './decode.ts';
import { decodeOpenaiFailure } from './decode-failure.ts';
import { encodeBody } from './encode.ts';
import { openaiGoesOn } from './goes-on.ts';
import { keptFromStreams } from './kept-from-streams.ts';
import { leftOut } from './left-out.ts';
import { passOn } from './pass-on.ts';
import { openaiStreamDecoder } from './stream-decoder.ts';

const dialect: Dialect = 'openai';
const jsonHeaders: readonly string[] = ['content-type', 'application/json'];
const paths = { chat: '/chat/completions', complete: '/completions', embed: '/embeddings' } as const;

export const openaiAdapter: Adapter = {
  dialect,
  framing: 'sse',
  loads: false,
  encode,
  decode: decodeOpenai,
  openDecoder: openaiStreamDecoder,
  decodeFailure: decodeOpenaiFailure,
  keptFromStreams,
  goesOn: openaiGoesOn,
  manyInputs: (call) => call.kind !== 'chat',
};

function encode(call: Call, model: string): Encoded {
  const path = paths[call.kind];
  const verbatim = call.wire.dialect === dialect;
  const body = verbatim ? passOn(call, model) : JSON.stringify(encodeBody(call, model));
  const warnings = verbatim ? [] : leftOut(call);
  return {
    request: { method: 'POST', path, headers: jsonHeaders, body },
    verbatim,
    dropUsage: call.stream && call.kind !== 'embed' && !call.wantsUsage,
    ...(warnings.length === 0 ? {} : { warnings }),
  };
}
