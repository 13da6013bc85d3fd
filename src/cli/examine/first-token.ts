/** Whether a model answers: one short streamed chat, cut at its first content. The same adapters as in service. */
import type { Frame } from '../../core/adapter.ts';
import type { Upstream } from '../../core/exchange.ts';
import { type Failure, fail } from '../../core/failure.ts';
import { isContent, type Part } from '../../core/part.ts';
import type { Flow } from '../../core/transport.ts';
import type { Clock } from '../../lib/clock.ts';
import { NdjsonFramer, parseLine } from '../../net/ndjson-framer.ts';
import { parseSse, SseFramer } from '../../net/sse-framer.ts';
import { parseJsonBody } from '../../protocol/json-body.ts';
import { openaiChat } from '../../protocol/openai-chat.ts';

const eventBytesMax = 1024 * 1024;
const refusalBytesMax = 64 * 1024;

export interface Question {
  readonly upstream: Upstream;
  readonly model: string;
  readonly clock: Clock;
  /** A model that must load takes its time. */
  readonly timeoutMs: number;
}

/** Resolves with the milliseconds to the first content; rejects with a `Failure`. */
export function firstToken({ upstream, model, clock, timeoutMs }: Question): Promise<number> {
  const call = openaiChat.parse(parseJsonBody(Buffer.from(question(model))));
  const { request } = upstream.adapter.encode(call, model);
  const startedMs = clock.now();
  return new Promise((resolve, reject) => {
    let flow: Flow | undefined;
    let over = false;
    const finish = (settle: () => void) => {
      if (over) return;
      over = true;
      timer.cancel();
      flow?.abort();
      settle();
    };
    const give = (failure: Failure) => finish(() => reject(failure));
    const timer = clock.after(timeoutMs, () =>
      give(fail('first_token_timeout', `no token came within ${Math.round(timeoutMs / 1000)} s`)),
    );
    const hear = (part: Part) => {
      if (part.type === 'reply-failed') give(part.failure);
      else if (isContent(part)) finish(() => resolve(clock.now() - startedMs));
    };
    const frames = createFrames(upstream.adapter.framing, upstream.adapter.openDecoder(call), hear);
    let status = 0;
    let refusal = '';
    flow = upstream.transport.send(request, {
      sent: () => {},
      head: (got) => {
        status = got;
      },
      data: (chunk) => {
        try {
          if (status < 300) frames(Buffer.from(chunk));
          else if (refusal.length < refusalBytesMax) refusal += Buffer.from(chunk).toString('utf8');
        } catch (thrown) {
          give(fail('bad_upstream_response', 'the answer cannot be read', { cause: thrown }));
        }
      },
      end: () =>
        give(
          status < 300
            ? fail('bad_upstream_response', 'the stream ended without a token')
            : upstream.adapter.decodeFailure(status, refusal),
        ),
      fail: give,
    });
    if (over) flow.abort();
  });
}

function question(model: string): string {
  // Models that think first need some room before they say anything.
  return JSON.stringify({
    model,
    messages: [{ role: 'user', content: 'Say: ok' }],
    stream: true,
    max_tokens: 16,
  });
}

function createFrames(
  framing: 'sse' | 'ndjson',
  decode: (frame: Frame) => readonly Part[],
  hear: (part: Part) => void,
): (chunk: Buffer) => void {
  const framer = framing === 'sse' ? new SseFramer(eventBytesMax) : new NdjsonFramer(eventBytesMax);
  const parse = framing === 'sse' ? parseSse : parseLine;
  return (chunk) =>
    framer.push(chunk, (event) => {
      const frame = parse(event);
      if (frame.data !== '') for (const part of decode(frame)) hear(part);
    });
}
