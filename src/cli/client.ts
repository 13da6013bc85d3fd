/** Speaks to a gateway as its clients do, in OpenAI's dialect: for `run` and `bench`. */
import { z } from 'zod';
import { type Trust, trusting } from '../net/own-certificate.ts';
import { type Given, textOption } from './given.ts';
import type { Invocation } from './invocation.ts';
import { Trouble } from './trouble.ts';
import { findGateway, readSecret, readTrust } from './whereabouts.ts';

export interface ClientPlace {
  /** Ends before `/chat/completions`. */
  readonly url: string;
  readonly key: string | undefined;
  /** What starts a gateway, for when none answers. */
  readonly startBy: string;
  /** Where it is our own and speaks TLS. */
  readonly trust?: Trust;
}

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface ChatRequest {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly maxTokens?: number;
}

export async function findClients(invocation: Invocation, given: Given): Promise<ClientPlace> {
  const startBy = invocation.typed('serve');
  const askedUrl = textOption(given, 'url');
  const askedKey = textOption(given, 'key') ?? invocation.environment['MILLRACE_KEY'];
  if (askedUrl !== undefined) {
    if (!URL.canParse(askedUrl)) throw new Trouble('--url is not an address such as http://127.0.0.1:7070');
    // Our own key is for our own gateway: it is never sent to an address that was typed.
    return { url: baseUrl(askedUrl), key: askedKey, startBy };
  }
  const { folder, clients } = await findGateway(invocation, given);
  const key = askedKey ?? (await readSecret(folder, 'client-key'));
  return { url: baseUrl(clients), key, startBy, ...(await readTrust(folder, 'clients', clients)) };
}

export interface Heard {
  readonly text: string;
  readonly reasoning: string;
}

/** The answer as it grows. Throws `Trouble` for what the gateway refuses and for an answer that breaks off. */
export async function* streamChat(
  place: ClientPlace,
  request: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<Heard> {
  const answer = await send(place, request, signal);
  if (!answer.ok || answer.body === null) throw new Trouble(await refusalOf(answer));
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of whole(answer.body, signal)) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!line.startsWith('data:')) continue;
      const data = line.slice(5).trim();
      if (data === '[DONE]') return;
      yield heardIn(data);
    }
  }
  throw new Trouble('the answer broke off');
}

/** The body as it comes; a connection that breaks is told in words. */
async function* whole(body: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new Trouble('the answer broke off', { cause });
  }
}

async function send(place: ClientPlace, { model, messages, maxTokens }: ChatRequest, signal: AbortSignal) {
  const body = {
    model,
    messages,
    stream: true,
    ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
  };
  return fetch(`${place.url}/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(place.key === undefined ? {} : { authorization: `Bearer ${place.key}` }),
    },
    body: JSON.stringify(body),
    signal,
    ...(await trusting(place.trust)),
  }).catch((thrown: unknown) => {
    if (signal.aborted) throw thrown;
    throw new Trouble(
      `no gateway answers at ${place.url}: start one with \`${place.startBy}\`, or name it with --url`,
      {
        cause: thrown,
      },
    );
  });
}

const failureShape = z.object({ error: z.object({ message: z.string() }) });
const chunkShape = z.object({
  choices: z
    .array(
      z.object({
        delta: z
          .object({
            content: z.string().nullish(),
            reasoning_content: z.string().nullish(),
            reasoning: z.string().nullish(),
          })
          .optional(),
      }),
    )
    .optional(),
});

function heardIn(data: string): Heard {
  const value = parseJson(data);
  const failure = failureShape.safeParse(value);
  if (failure.success) throw new Trouble(failure.data.error.message);
  const delta = chunkShape.safeParse(value).data?.choices?.[0]?.delta;
  return { text: delta?.content ?? '', reasoning: delta?.reasoning_content ?? delta?.reasoning ?? '' };
}

async function refusalOf(answer: Response): Promise<string> {
  const failure = failureShape.safeParse(parseJson((await answer.text()).slice(0, 65_536)));
  return failure.success ? failure.data.error.message : `the server answers with status ${answer.status}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Whoever asked sees that it has not the expected shape.
    return undefined;
  }
}

/** Both forms are in use: with `/v1` at the end and without. */
function baseUrl(text: string): string {
  const plain = text.replace(/\/+$/, '');
  return /\/v\d+$/.test(plain) ? plain : `${plain}/v1`;
}
