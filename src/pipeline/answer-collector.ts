/** Puts the parts of a stream together to the whole answer that they are pieces of. */
import type { Json, JsonObject, ToolCall } from '../core/call.ts';
import { fail } from '../core/failure.ts';
import { asObject } from '../core/json-object.ts';
import type { CallResult, Choice, Part, StopReason, Usage } from '../core/part.ts';
import { ToolCallCollector } from '../protocol/tool-call-collector.ts';

/** What a choice or a tool call counts besides its text: an upstream may begin as many as it likes. */
const entryBytes = 256;

type TextResult = Extract<CallResult, { kind: 'text' }>;

interface Growing {
  text: string;
  reasoning: string;
  refusal: string;
  stop: StopReason | undefined;
  toolCalls: ToolCallCollector | undefined;
  logprobs: Json[];
}

export class AnswerCollector {
  readonly #bytesMax: number;
  readonly #choices = new Map<number, Growing>();
  #bytes = 0;
  #usage: Usage | undefined;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  add(part: Part): void {
    switch (part.type) {
      case 'text-delta':
        this.#addText(part);
        break;
      case 'reasoning-delta':
        this.#choice(part.choice).reasoning += this.#held(part.text);
        break;
      case 'refusal-delta':
        this.#choice(part.choice).refusal += this.#held(part.text);
        break;
      case 'tool-call-delta':
        this.#addToolCall(part);
        break;
      case 'choice-ended':
        this.#choice(part.choice).stop = part.stop;
        break;
      case 'usage':
        this.#usage = part.usage;
        break;
      case 'reply-ended':
      case 'reply-failed':
        break;
    }
  }

  result(): TextResult {
    const choices = [...this.#choices].sort(([a], [b]) => a - b).map(([, growing]) => choiceOf(growing));
    return { kind: 'text', choices, usage: this.#usage };
  }

  #addText(part: Extract<Part, { type: 'text-delta' }>): void {
    const choice = this.#choice(part.choice);
    choice.text += this.#held(part.text);
    if (part.logprobs === undefined) return;
    this.#hold(JSON.stringify(part.logprobs).length);
    choice.logprobs.push(part.logprobs);
  }

  #addToolCall(part: Extract<Part, { type: 'tool-call-delta' }>): void {
    const choice = this.#choice(part.choice);
    choice.toolCalls ??= new ToolCallCollector();
    const before = choice.toolCalls.size;
    choice.toolCalls.add(part);
    const begun = choice.toolCalls.size > before ? entryBytes : 0;
    this.#hold(begun + Buffer.byteLength(part.name ?? '') + Buffer.byteLength(part.arguments ?? ''));
  }

  #choice(index = 0): Growing {
    const known = this.#choices.get(index);
    if (known !== undefined) return known;
    this.#hold(entryBytes);
    const begun = {
      text: '',
      reasoning: '',
      refusal: '',
      stop: undefined,
      toolCalls: undefined,
      logprobs: [],
    };
    this.#choices.set(index, begun);
    return begun;
  }

  #held(text: string): string {
    this.#hold(Buffer.byteLength(text));
    return text;
  }

  #hold(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#bytesMax) {
      throw fail('response_too_large', `the upstream's answer is larger than ${this.#bytesMax} bytes`);
    }
  }
}

function choiceOf({ text, reasoning, refusal, stop, toolCalls, logprobs }: Growing): Choice {
  if (stop === undefined) {
    throw fail('upstream_cut', 'the upstream ended its stream before each of its answers had an end');
  }
  return {
    text,
    stop,
    ...(reasoning === '' ? {} : { reasoning }),
    ...(refusal === '' ? {} : { refusal }),
    ...(toolCalls === undefined ? {} : { toolCalls: toolCalls.take().map(named) }),
    ...(logprobs.length === 0 ? {} : { logprobs: joined(logprobs) }),
  };
}

function named(call: ToolCall): ToolCall {
  if (call.name !== '') return call;
  throw fail('bad_upstream_response', "the upstream's answer has a tool call without a name");
}

/** Lists of tokens go on from piece to piece, whatever they are called. */
function joined(pieces: readonly Json[]): Json {
  const whole: Record<string, Json | undefined> = {};
  const lists = new Map<string, Json[]>();
  for (const [key, value] of pieces.flatMap((piece) =>
    Object.entries<JsonObject[string]>(asObject(piece) ?? {}),
  )) {
    if (Array.isArray(value)) {
      const list = lists.get(key) ?? [];
      for (const entry of value) list.push(entry);
      lists.set(key, list);
      whole[key] = list;
    } else {
      whole[key] ??= value;
    }
  }
  return whole;
}
