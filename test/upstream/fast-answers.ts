/** An answer is the writes it takes; the first includes the head. */
export type Answer = readonly Buffer[];

/** Prepares every answer once; what remains for a request is a look at its route and two flags. */
export function prepareAnswers(events: number): (route: string, body: Buffer) => Answer {
  const openai = {
    whole: whole(openaiWhole),
    stream: stream('text/event-stream; charset=utf-8', openaiEvents(events)),
    streamWithUsage: stream('text/event-stream; charset=utf-8', openaiEvents(events, openaiUsage(events))),
  };
  const ollama = { whole: whole(ollamaWhole), stream: stream('application/x-ndjson', ollamaLines(events)) };
  const routes: Readonly<Record<string, (body: Buffer) => Answer>> = {
    'POST /v1/chat/completions': (body) => {
      if (!says(body, '"stream":true')) return openai.whole;
      return says(body, '"include_usage":true') ? openai.streamWithUsage : openai.stream;
    },
    'POST /api/chat': (body) => (says(body, '"stream":false') ? ollama.whole : ollama.stream),
    'GET /v1/models': () => models,
    'GET /api/tags': () => tags,
    'GET /api/version': () => version,
    'GET /': () => root,
    'HEAD /': () => emptyRoot,
  };
  return (route, body) => routes[route]?.(body) ?? notFound;
}

/** Clients write a flag with or without a space. */
const says = (body: Buffer, flag: string): boolean =>
  body.includes(flag) || body.includes(flag.replace(':', ': '));

const model = 'fake-model';
const created = 1_795_132_800;
const createdAt = '2026-11-20T00:00:00.000Z';

/** Makes the whole answer about 0.6 KB, the size that the benchmark's figures are for. */
const sentence = 'The mill stream turns the wheel, and the wheel turns the stone. '.repeat(5).trim();

const openaiWhole = {
  id: 'chatcmpl-fast',
  object: 'chat.completion',
  created,
  model,
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: sentence, refusal: null },
      logprobs: null,
      finish_reason: 'stop',
    },
  ],
  usage: { prompt_tokens: 64, completion_tokens: 70, total_tokens: 134 },
};

const ollamaCounts = (events: number) => ({
  done: true,
  done_reason: 'stop',
  total_duration: 4_883_583_458,
  load_duration: 1_334_875,
  prompt_eval_count: 64,
  prompt_eval_duration: 342_546_000,
  eval_count: events,
  eval_duration: 4_535_599_000,
});

const ollamaWhole = {
  model,
  created_at: createdAt,
  message: { role: 'assistant', content: sentence },
  ...ollamaCounts(70),
};

const openaiUsage = (events: number): readonly string[] => {
  const usage = { prompt_tokens: 64, completion_tokens: events, total_tokens: 64 + events };
  return [sse({ choices: [], usage })];
};

/** One write each: role and first text, the other texts, and the end with all that belongs to it. */
function openaiEvents(events: number, usage: readonly string[] = []): readonly string[] {
  const chunk = (delta: object, finish: string | null = null) =>
    sse({ choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }] });
  const texts = Array.from({ length: events }, (_, index) => chunk({ content: ` word${index}` }));
  const role = chunk({ role: 'assistant', content: '' });
  const last = [chunk({}, 'stop'), ...usage, 'data: [DONE]\n\n'].join('');
  return [role + (texts[0] ?? ''), ...texts.slice(1), last];
}

const sse = (fields: object): string =>
  `data: ${JSON.stringify({ id: 'chatcmpl-fast', object: 'chat.completion.chunk', created, model, ...fields })}\n\n`;

function ollamaLines(events: number): readonly string[] {
  const line = (content: string, rest: object) =>
    `${JSON.stringify({ model, created_at: createdAt, message: { role: 'assistant', content }, ...rest })}\n`;
  const texts = Array.from({ length: events }, (_, index) => line(` word${index}`, { done: false }));
  return [...texts, line('', ollamaCounts(events))];
}

const contentType = (type: string): string => `content-type: ${type}\r\n`;

const plain = (status: string, type: string, body: string): Answer => [
  Buffer.from(
    `HTTP/1.1 ${status}\r\n${contentType(type)}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  ),
];

const whole = (value: unknown): Answer => plain('200 OK', 'application/json', JSON.stringify(value));

function stream(type: string, writes: readonly string[]): Answer {
  const head = `HTTP/1.1 200 OK\r\n${contentType(type)}transfer-encoding: chunked\r\n\r\n`;
  return writes.map((text, index) => {
    const chunk = `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
    const isLast = index === writes.length - 1;
    return Buffer.from(`${index === 0 ? head : ''}${chunk}${isLast ? '0\r\n\r\n' : ''}`);
  });
}

const models = whole({
  object: 'list',
  data: [{ id: model, object: 'model', created, owned_by: 'fast-llm' }],
});
const tags = whole({
  models: [
    { name: model, model, modified_at: createdAt, size: 1_000_000, digest: '0'.repeat(64), details: {} },
  ],
});
const version = whole({ version: '0.31.0' });
const root = plain('200 OK', 'text/plain; charset=utf-8', 'Ollama is running');
const emptyRoot: Answer = [Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')];
const notFound = plain(
  '404 Not Found',
  'application/json',
  '{"error":{"message":"no such path","type":"invalid_request_error"}}',
);
