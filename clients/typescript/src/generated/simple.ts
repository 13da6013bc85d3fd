/** Written by scripts/make-clients.ts from what the gateway says of itself; changes here are lost. */
import { type CallOptions, type ClientOptions, Connection } from "../connection.ts";

export interface ChatAnswer {
  readonly response: string;
  /** Send it with what is said next. */
  readonly conversation_id: string;
}

export interface ChatBody {
  /** What is said now. This or `messages`. */
  readonly message?: string | undefined;
  readonly messages?: ReadonlyArray<OpenaiMessage> | undefined;
  /** Of the answer before; absent where a conversation begins. */
  readonly conversation_id?: string | undefined;
  /** The gateway’s default model when absent. */
  readonly model?: string | undefined;
  /** How long the answer may be. */
  readonly max_tokens?: number | undefined;
  readonly temperature?: number | undefined;
}

export interface CompleteBody {
  readonly query: string;
  /** What the model should know before it reads the question. */
  readonly context?: string | undefined;
  /** The gateway’s default model when absent. */
  readonly model?: string | undefined;
  /** 500 when absent. */
  readonly max_tokens?: number | undefined;
  readonly temperature?: number | undefined;
}

export interface DependenciesAnswer {
  readonly status: "well" | "degraded";
  readonly dependencies: ReadonlyArray<{
    readonly name: string;
    readonly state: "there" | "away";
    readonly since: string;
    /** What is wrong with it although it is there. */
    readonly note?: string | undefined;
  }>;
  readonly upstreams: {
    readonly up: number;
    readonly down: number;
    readonly unknown: number;
  };
}

export interface EmbeddingsBody {
  /** A text or several. This, `text` or `prompt`. */
  readonly input?: string | ReadonlyArray<string> | undefined;
  readonly text?: string | ReadonlyArray<string> | undefined;
  readonly prompt?: string | ReadonlyArray<string> | undefined;
  /** The gateway’s default model when absent. */
  readonly model?: string | undefined;
  readonly dimensions?: number | undefined;
  readonly encoding_format?: "float" | "base64" | undefined;
}

export interface GenerateBody {
  readonly prompt: string;
  /** The gateway’s default model when absent. */
  readonly model?: string | undefined;
  /** 512 when absent. */
  readonly max_tokens?: number | undefined;
  /** 0.7 when absent. */
  readonly temperature?: number | undefined;
  /** Whether the answer comes word by word; false when absent. */
  readonly stream?: boolean | undefined;
}

export interface HealthAnswer {
  readonly status: "healthy" | "unhealthy";
  readonly upstreams: ReadonlyArray<{
    readonly name: string;
    readonly state: "unknown" | "up" | "down";
  }>;
}

export interface OpenaiMessage {
  readonly role: "user" | "assistant" | "system" | "developer" | "tool";
  /** Only an assistant's may be absent. At most 32 images in a request. */
  readonly content?: string | ReadonlyArray<{
    readonly type: string;
  }> | null | undefined;
  readonly name?: string | undefined;
  readonly tool_call_id?: string | undefined;
  readonly tool_calls?: ReadonlyArray<{
    readonly id?: string | undefined;
    readonly type?: "function" | undefined;
    readonly function: {
      readonly name: string;
      readonly arguments: string;
    };
  }> | undefined;
  readonly reasoning_content?: string | undefined;
}

export interface OpenaiVectors {
  readonly object: "list";
  readonly data: ReadonlyArray<{
    readonly object: "embedding";
    readonly index: number;
    /** Little-endian float32 in base64 where that was asked for. */
    readonly embedding: ReadonlyArray<number> | string;
  }>;
  readonly model: string;
  readonly usage: {
    readonly prompt_tokens: number;
    readonly total_tokens: number;
  };
}

export interface ReadyzAnswer {
  readonly status: "ready" | "starting" | "full" | "draining";
  /** What it does without meanwhile. */
  readonly degraded: ReadonlyArray<string>;
}

export interface TextAnswer {
  readonly response: string;
}

export interface TokenEvent {
  readonly token: string;
}

/** The simple API of a gateway. */
export class Millrace {
  readonly #connection: Connection;


  constructor(options: ClientOptions) {
    const connection = new Connection(options);
    this.#connection = connection;

  }

  /** A prompt in, a text out */
  generate(body: Omit<GenerateBody, 'stream'>, options: CallOptions = {}): Promise<TextAnswer> {
    return this.#connection.json({ method: 'POST', path: '/generate', body }, options);
  }

  /** A prompt in, a text out: word by word */
  async *generateStream(body: Omit<GenerateBody, 'stream'>, options: CallOptions = {}): AsyncGenerator<string, void, undefined> {
    for await (const { token } of this.#connection.events<TokenEvent>({ method: 'POST', path: '/generate', body: { ...body, stream: true } }, options)) yield token;
  }

  /** A question in, an answer out, or 504 within 30 seconds */
  complete(body: CompleteBody, options: CallOptions = {}): Promise<TextAnswer> {
    return this.#connection.json({ method: 'POST', path: '/api/v1/complete', body }, options);
  }

  /** A question in, an answer out word by word */
  async *stream(body: CompleteBody, options: CallOptions = {}): AsyncGenerator<string, void, undefined> {
    for await (const { token } of this.#connection.events<TokenEvent>({ method: 'POST', path: '/api/v1/stream', body }, options)) yield token;
  }

  /** A conversation that the gateway keeps */
  chat(body: ChatBody, options: CallOptions = {}): Promise<ChatAnswer> {
    return this.#connection.json({ method: 'POST', path: '/chat', body }, options);
  }

  /** Vectors of texts */
  embeddings(body: EmbeddingsBody, options: CallOptions = {}): Promise<OpenaiVectors> {
    return this.#connection.json({ method: 'POST', path: '/embeddings', body }, options);
  }

  /** Whether it takes work */
  readyz(options: CallOptions = {}): Promise<ReadyzAnswer> {
    return this.#connection.json({ method: 'GET', path: '/readyz' }, options);
  }

  /** Whether it takes work and some upstream is there */
  health(options: CallOptions = {}): Promise<HealthAnswer> {
    return this.#connection.json({ method: 'GET', path: '/health' }, options);
  }

  /** What it stands on and since when; 404 where metrics are for another listener */
  dependencies(options: CallOptions = {}): Promise<DependenciesAnswer> {
    return this.#connection.json({ method: 'GET', path: '/healthz/deps' }, options);
  }
}
