/** The way to a gateway: one request at a time, over `fetch`. Knows no operation. */
import { ConnectionError, errorOf, MillraceError, TimeoutError } from './errors.ts';

export interface ClientOptions {
  /** Where the gateway listens: `http://127.0.0.1:7070`. */
  readonly url: string;
  readonly key?: string;
  /** How long one request may take, until its last byte; 10 minutes unless said. */
  readonly timeoutMs?: number;
  /**
   * How often a request is sent again when the gateway could not be reached or was busy; 0 unless said. What changes
   * something carries an `Idempotency-Key` then, so that it is done once.
   */
  readonly retries?: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** Of your making: what carries the same one again is answered, not done again. */
  readonly idempotencyKey?: string;
}

export interface ChangeOptions extends CallOptions {
  /** The `version` that you have seen, or `*` for whichever is there. */
  readonly ifMatch?: string | number;
}

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
}

const timeoutMsUsual = 600_000;
const retriesMax = 10;
/** Who asks us to wait longer than this is not waited for. */
const waitMsMax = 30_000;
const eventCharsMax = 4 * 1024 * 1024;
const busy: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);

export class Connection {
  readonly #options: ClientOptions;
  readonly #base: string;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#base = options.url.replace(/\/+$/, '');
  }

  async json<Answer>(request: Request, options: ChangeOptions = {}): Promise<Answer> {
    const text = await this.text(request, options);
    return (text === '' ? undefined : JSON.parse(text)) as Answer;
  }

  async text(request: Request, options: ChangeOptions = {}): Promise<string> {
    const asked = this.#ask(request, options);
    return asked.guard(async () => (await this.#answer(asked)).text());
  }

  /** What each event holds, until the stream says that it is over. */
  async *events<Event>(request: Request, options: CallOptions = {}): AsyncGenerator<Event, void, undefined> {
    const asked = this.#ask(request, options);
    const answer = await asked.guard(() => this.#answer(asked));
    try {
      for await (const event of eventsOf(answer, asked)) {
        if (event === 'data: [DONE]') return;
        if (event.startsWith('data: ')) yield read<Event>(event.slice('data: '.length));
      }
      throw new ConnectionError('the answer broke off', { code: 'cut', status: 0 });
    } finally {
      asked.end();
    }
  }

  #ask(request: Request, options: ChangeOptions): Asked {
    const { key, retries = 0 } = this.#options;
    const timeoutMs = options.timeoutMs ?? this.#options.timeoutMs ?? timeoutMsUsual;
    const again = Math.min(retries, retriesMax);
    const idempotencyKey =
      options.idempotencyKey ?? (again > 0 && request.method === 'POST' ? crypto.randomUUID() : undefined);
    const headers = {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
      ...(options.ifMatch === undefined ? {} : { 'if-match': tagOf(options.ifMatch) }),
    };
    return new Asked(
      { url: this.#base + target(request), request, headers, again, timeoutMs },
      options.signal,
    );
  }

  async #answer(asked: Asked): Promise<Response> {
    for (let left = asked.about.again; ; left -= 1) {
      const sent = await attempt(asked);
      if (sent instanceof Response && sent.ok) return sent;
      const failure = sent instanceof Response ? await failureOf(sent) : sent;
      const helps = sent instanceof Response ? waitingHelps(sent) : !asked.signal.aborted;
      const waitMs = (failure.retryAfterS ?? 0.25 * 2 ** (asked.about.again - left)) * 1_000;
      if (left === 0 || !helps || waitMs > waitMsMax) throw failure;
      await pause(waitMs, asked.signal);
    }
  }
}

/** As they come; who stops reading wants no more of it. */
async function* eventsOf(answer: Response, asked: Asked): AsyncGenerator<string, void, undefined> {
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      const piece = await asked.guard(async () => reader?.read());
      if (piece === undefined || piece.done) return;
      const events = (rest + piece.value).split('\n\n');
      rest = events.pop() ?? '';
      yield* events;
      if (rest.length > eventCharsMax) throw tooLong();
    }
  } finally {
    await reader?.cancel().catch(() => {});
  }
}

interface About {
  readonly url: string;
  readonly request: Request;
  readonly headers: Readonly<Record<string, string>>;
  readonly again: number;
  readonly timeoutMs: number;
}

/** One request with all its attempts, under one clock. */
class Asked {
  readonly about: About;
  readonly #abort = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #theirs: AbortSignal | undefined;
  readonly #leave = () => this.#abort.abort(this.#theirs?.reason);

  constructor(about: About, theirs: AbortSignal | undefined) {
    this.about = about;
    this.#theirs = theirs;
    const late = () =>
      this.#abort.abort(
        new TimeoutError(`no whole answer within ${about.timeoutMs} ms`, { code: 'timeout', status: 0 }),
      );
    this.#timer = setTimeout(late, about.timeoutMs);
    if (theirs?.aborted === true) this.#leave();
    else theirs?.addEventListener('abort', this.#leave, { once: true });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Whatever ends it by our clock or by theirs is told as that; the last `guard` of a whole answer ends the clock. */
  async guard<Value>(act: () => Promise<Value>): Promise<Value> {
    try {
      const value = await act();
      if (typeof value === 'string') this.end();
      return value;
    } catch (thrown) {
      this.end();
      if (this.signal.aborted) throw this.signal.reason;
      if (thrown instanceof MillraceError) throw thrown;
      throw new ConnectionError('the answer broke off', { code: 'cut', status: 0, cause: thrown });
    }
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#theirs?.removeEventListener('abort', this.#leave);
  }
}

async function attempt({ about, signal }: Asked): Promise<Response | MillraceError> {
  const { url, request, headers } = about;
  const { method, body } = request;
  try {
    // Elsewhere nobody should get the key.
    const init: RequestInit = { method, headers, signal, redirect: 'error' };
    return await fetch(url, body === undefined ? init : { ...init, body: JSON.stringify(body) });
  } catch (thrown) {
    return new ConnectionError(`there is no way to ${url}`, {
      code: 'connect_failed',
      status: 0,
      cause: thrown,
    });
  }
}

function waitingHelps(answer: Response): boolean {
  return busy.has(answer.status) && answer.headers.get('x-should-retry') !== 'false';
}

async function failureOf(answer: Response): Promise<MillraceError> {
  const text = await answer.text();
  const body = parsed(text);
  const {
    detail,
    code,
    request_id: id,
  } = (typeof body === 'object' && body !== null ? body : {}) as Readonly<Record<string, unknown>>;
  const after = answer.headers.get('retry-after');
  return errorOf(typeof detail === 'string' ? detail : `the gateway answered ${answer.status}`, {
    code: typeof code === 'string' ? code : `http_${answer.status}`,
    status: answer.status,
    retryAfterS: after === null ? undefined : Number(after),
    requestId: typeof id === 'string' ? id : (answer.headers.get('x-request-id') ?? undefined),
    body,
  });
}

/** What stands before us may answer in other ways than the gateway does. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function read<Event>(text: string): Event {
  const event = JSON.parse(text) as Event & { readonly error?: { detail: string; code: string; id: string } };
  if (event.error === undefined) return event;
  const { detail, code, id } = event.error;
  throw errorOf(detail, { code, status: 500, requestId: id, body: event });
}

function tooLong(): Error {
  return new ConnectionError(`an event is longer than ${eventCharsMax} characters`, {
    code: 'cut',
    status: 0,
  });
}

function target({ path, query = {} }: Request): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? path : `${path}?${text}`;
}

function tagOf(version: string | number): string {
  return typeof version === 'number' ? `"${version}"` : version;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const leave = () => {
      clearTimeout(timer);
      resolve();
    };
    signal.addEventListener('abort', leave, { once: true });
  });
}
