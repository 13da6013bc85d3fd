// What goes over the wire in every cell, the same for all contestants.

export const modelName = 'bench';

/** 0.4 KB, as a short chat is. */
export const shortPrompt = request(
  'Explain in two sentences why a proxy in front of a language model should never buffer a stream. '.repeat(
    2,
  ),
);
export const longPrompt = request(
  'The quick brown fox jumps over the lazy dog, again and again. '.repeat(1_585),
);
/** Its bound lies above the longest stream of any cell: a gateway may cut what its client did not ask for. */
export const streamedPrompt = shortPrompt
  .replace('"stream":false', '"stream":true')
  .replace('"max_tokens":128', '"max_tokens":2048');

/** 0.6 KB. */
export const wholeAnswer = JSON.stringify({
  id: 'chatcmpl-bench',
  object: 'chat.completion',
  created: 1_780_000_000,
  model: modelName,
  choices: [
    {
      index: 0,
      message: {
        role: 'assistant',
        content: 'A buffered stream keeps the reader waiting for the last token. '.repeat(5).trim(),
      },
      finish_reason: 'stop',
    },
  ],
  usage: { prompt_tokens: 61, completion_tokens: 61, total_tokens: 122 },
});

export const modelList = JSON.stringify({ object: 'list', data: [{ id: modelName, object: 'model' }] });

export function streamEvent(delta: object, finishReason: string | null = null): string {
  return event({ choices: [{ index: 0, delta, finish_reason: finishReason }] });
}

export function usageEvent(completionTokens: number): string {
  const usage = {
    prompt_tokens: 61,
    completion_tokens: completionTokens,
    total_tokens: completionTokens + 61,
  };
  return event({ choices: [], usage });
}

export const doneEvent = 'data: [DONE]\n\n';

function event(facts: object): string {
  const base = {
    id: 'chatcmpl-bench',
    object: 'chat.completion.chunk',
    created: 1_780_000_000,
    model: modelName,
  };
  return `data: ${JSON.stringify({ ...base, ...facts })}\n\n`;
}

function request(prompt: string): string {
  return JSON.stringify({
    model: modelName,
    messages: [
      { role: 'system', content: 'You are a terse assistant.' },
      { role: 'user', content: prompt },
    ],
    temperature: 0.7,
    max_tokens: 128,
    stream: false,
  });
}
