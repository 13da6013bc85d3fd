/** Neutral calls as OpenAI request bodies. */
import type {
  Call,
  ChatCall,
  CompleteCall,
  Content,
  Json,
  JsonObject,
  Message,
  Sampling,
  Tool,
} from '../../core/call.ts';
import { fail } from '../../core/failure.ts';
import { messagesWithBegun, promptWithBegun } from '../../protocol/begun-message.ts';

export function encodeBody(call: Call, model: string): JsonObject {
  switch (call.kind) {
    case 'chat':
      return encodeChat(call, model);
    case 'complete':
      return encodeComplete(call, model);
    case 'embed':
      return {
        model,
        input: call.input,
        dimensions: call.dimensions,
        // Vectors are decoded here and written anew in the client's form.
        encoding_format: 'float',
      };
  }
}

function encodeChat(call: ChatCall, model: string): JsonObject {
  return {
    model,
    messages: messagesWithBegun(call).map(encodeMessage),
    ...goingOn(call),
    ...streaming(call),
    ...encodeSampling(call.sampling, boundName(call, model)),
    tools: call.tools?.map(encodeTool),
    tool_choice:
      typeof call.toolChoice === 'object'
        ? { type: 'function', function: { name: call.toolChoice.name } }
        : call.toolChoice,
    parallel_tool_calls: call.parallelToolCalls,
    response_format: encodeFormat(call),
    reasoning_effort: encodeEffort(call),
  };
}

function encodeTool(tool: Tool): JsonObject {
  if (tool.other !== undefined) return tool.other;
  const { name, description, parameters, strict } = tool;
  return { type: 'function', function: { name, description, parameters, strict } };
}

function encodeComplete(call: CompleteCall, model: string): JsonObject {
  if (call.images !== undefined && call.images.length > 0) {
    throw fail('unsupported', 'images do not work with a raw completion here; use chat', { param: 'images' });
  }
  return {
    model,
    prompt: promptWithBegun(call),
    suffix: call.suffix,
    echo: call.echo,
    ...streaming(call),
    ...encodeSampling(call.sampling, boundName(call, model)),
    // Here it is a number: how many alternatives to tell.
    logprobs: call.sampling.logprobs === true ? (call.sampling.topLogprobs ?? 0) : undefined,
    top_logprobs: undefined,
    response_format: encodeFormat(call),
  };
}

/** As vLLM, SGLang and llama.cpp's server have it: the last message is open, and no other is begun. */
export function goingOn({ begun }: ChatCall): JsonObject {
  return begun === undefined || begun.text === ''
    ? {}
    : { continue_final_message: true, add_generation_prompt: false };
}

function streaming(call: Call): JsonObject {
  return call.stream ? { stream: true, stream_options: { include_usage: true } } : {};
}

/** What OpenAI's models that reason take alone, and servers of others may not know. Azure's `gpt-35` is 3.5, and reasons not. */
const reasoningModel = /(?:^|\/)(?:o\d|gpt-(?:[5-9]|1\d)(?!\d))/;

type BoundName = 'max_completion_tokens' | 'max_tokens';

export function boundName(call: Call, model: string): BoundName {
  return call.kind === 'chat' && reasoningModel.test(model) ? 'max_completion_tokens' : 'max_tokens';
}

function encodeSampling(sampling: Sampling, bound: BoundName): JsonObject {
  return {
    [bound]: sampling.maxTokens,
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_k: sampling.topK,
    min_p: sampling.minP,
    seed: sampling.seed,
    stop: sampling.stop,
    frequency_penalty: sampling.frequencyPenalty,
    presence_penalty: sampling.presencePenalty,
    repeat_penalty: sampling.repeatPenalty,
    n: sampling.choices,
    logprobs: sampling.logprobs,
    top_logprobs: sampling.topLogprobs,
  };
}

function encodeFormat(call: ChatCall | CompleteCall): Json | undefined {
  if (call.format === undefined) return undefined;
  if (call.format === 'json') return { type: 'json_object' };
  const { schema, name, strict } = call.format;
  return { type: 'json_schema', json_schema: { name: name ?? 'answer', schema, strict } };
}

/** Ollama's yes and no have no exact word here: yes is the middle, no is none. */
function encodeEffort(call: ChatCall): string | undefined {
  if (call.think === undefined) return undefined;
  if (typeof call.think === 'string') return call.think;
  return call.think ? 'medium' : 'none';
}

export function encodeMessage(message: Message): JsonObject {
  return {
    role: message.role,
    content: typeof message.content === 'string' ? message.content : message.content.map(encodeContent),
    name: message.role === 'tool' ? undefined : message.name,
    tool_call_id: message.role === 'tool' ? (message.toolCallId ?? message.name) : undefined,
    reasoning_content: message.reasoning,
    tool_calls: message.toolCalls?.map((call) => ({
      id: call.id,
      type: 'function',
      function: { name: call.name, arguments: call.arguments },
    })),
  };
}

function encodeContent(content: Content): JsonObject {
  if (content.type === 'text') return { type: 'text', text: content.text };
  if (content.type === 'other') return content.value;
  return { type: 'image_url', image_url: { url: content.url, detail: content.detail } };
}
