/** How the fake LLM server behaves: one flat table, every field independent, the defaults honest and fast. */
export interface Behaviour {
  /** The names it lists and, with `unknownModel: 'refuse'`, the only ones it serves. Holds for every path. */
  readonly models: readonly string[];
  /** What a request for a model outside `models` gets: an answer, or the 404 of the dialect. */
  readonly unknownModel: 'accept' | 'refuse';
  /** Paths (without the query) that everything below applies to; all other paths are answered by the defaults. */
  readonly only: RegExp;

  /**
   * How many models fit into its memory: it loads one when it is asked for, and the one used longest ago makes room.
   * `all` are always there.
   */
  readonly residentMax: number | 'all';
  /** How long loading takes. */
  readonly loadMs: number;
  /** What each model takes, and the share of that on a GPU. These four hold for every path. */
  readonly modelBytes: number;
  readonly gpuShare: number;

  /** How many requests run at once. */
  readonly slots: number;
  /** What happens to a request that finds every slot taken: it waits its turn, or gets the 503 of the dialect. */
  readonly whenFull: 'queue' | 'refuse';
  /** Time before the first byte of an answer, as prompt processing takes. */
  readonly firstTokenMs: number;
  /** Pace of content chunks; a whole answer waits as long as all its chunks would have taken. */
  readonly tokensPerSecond: number;

  /** The exact texts of the answer, one a chunk; otherwise it echoes the last message, one word a chunk. */
  readonly chunks: readonly string[] | undefined;
  /**
   * What it does with the beginning of an answer that it is handed: goes on with it, or says what a server does that
   * does not: all of it anew, the last word again, the rest without what it was to say again.
   */
  readonly begun: 'goes-on' | 'anew' | 'repeats' | 'skips' | 'trims';
  /** The exact reasoning, one text a chunk; `when-asked` reasons when the request asks for it. */
  readonly reasoning: readonly string[] | 'when-asked' | 'never';
  /** The exact tool calls; `when-asked` calls the first tool when the last user message contains "tool". */
  readonly toolCalls: readonly ToolCall[] | 'when-asked' | 'never';
  /** The finish reason; `null` leaves out the chunk that carries it (Ollama: `done_reason`). */
  readonly finishReason: 'natural' | (string & {}) | null;
  /** The id of the answer; otherwise it counts. Ollama has none. */
  readonly id: string | undefined;
  /** The counts it reports. */
  readonly usage: 'honest' | 'absent' | { readonly prompt: number; readonly completion: number };
  /** Repeats the texts for ever. A whole answer then never begins, as the model never stops. */
  readonly endless: boolean;
  /** Makes the first text this many bytes longer: a huge body, or one huge event. Costs no memory here. */
  readonly paddingBytes: number;
  /** Puts two bytes that are not UTF-8 before the first text. */
  readonly invalidUtf8: boolean;

  /** Status of the answer; anything but 200 sends the dialect's error unless `body` is given. */
  readonly status: number;
  /** Headers that are added to the answer or replace its own. */
  readonly headers: Readonly<Record<string, string>>;
  /** This exact body instead of an answer: an HTML page, `null`, the wrong schema. */
  readonly body: string | undefined;

  /** How the end of the body is known; `natural` declares the length of whole answers and chunks the streams. */
  readonly framing: 'natural' | 'chunked' | 'close-delimited' | 'length-too-long' | 'length-too-short';
  /** Compresses the body, whatever the request accepts. With `paddingBytes` it is a gzip bomb. */
  readonly gzip: boolean;
  /** How often a stream says that it is complete: `[DONE]`, or Ollama's line with `done: true`. */
  readonly endMarker: 'once' | 'twice' | 'never';
  /** The content chunk of this index (0 is the first) is broken JSON. */
  readonly malformedEvent: number;
  /** After this many content chunks the stream ends with the dialect's error event. */
  readonly errorEventAfter: number;
  /** Line ends inside streams. */
  readonly lineEnding: '\n' | '\r\n' | '\r';
  /** Begins the body with a byte order mark. */
  readonly bom: boolean;
  /** Puts an SSE comment before every event. */
  readonly comments: boolean;
  /** Writes the body in pieces of so many bytes, an event-loop turn apart, so that they arrive apart. */
  readonly splitBytes: number;
  /** Waits this long before every piece of `splitBytes` (then 1 byte unless set). */
  readonly trickleMs: number;

  /** Accepts the request and never answers. */
  readonly stallBeforeHead: boolean;
  /** Falls silent for ever after so many content chunks; 0 still sends the head and the role. */
  readonly stallAfterChunks: number;
  /** Closes the connection, or resets it, after so many content chunks: as a server that is killed. */
  readonly cutAfterChunks: number;
  readonly resetAfterChunks: number;
  /** Sends the head, then a comment (where there are none: an empty line) at this interval, and never content. */
  readonly keepAliveOnlyMs: number | undefined;
  /** Closes the connection after so many body bytes, in the middle of a chunk if it falls there. */
  readonly cutAfterBytes: number;
  /** Resets the connection (RST) after so many body bytes. */
  readonly resetAfterBytes: number;
  /** Resets every new connection, whatever its path. */
  readonly resetOnConnect: boolean;
  /** Resets the connection once the request has been read. */
  readonly resetAfterRequest: boolean;
  /** Resets a connection that is used a second time: the keep-alive race. */
  readonly resetOnReuse: boolean;
}

export interface ToolCall {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

const inferencePaths =
  /^(\/v1)?\/(chat\/completions|completions|embeddings)$|^\/api\/(chat|generate|embed|embeddings)$/;

export const defaults: Behaviour = {
  models: ['fake-model', 'fake-embedder'],
  unknownModel: 'accept',
  only: inferencePaths,

  residentMax: 'all',
  loadMs: 0,
  modelBytes: 1_000_000,
  gpuShare: 1,

  slots: Number.POSITIVE_INFINITY,
  whenFull: 'queue',
  firstTokenMs: 0,
  tokensPerSecond: Number.POSITIVE_INFINITY,

  chunks: undefined,
  begun: 'goes-on',
  reasoning: 'when-asked',
  toolCalls: 'when-asked',
  finishReason: 'natural',
  id: undefined,
  usage: 'honest',
  endless: false,
  paddingBytes: 0,
  invalidUtf8: false,

  status: 200,
  headers: {},
  body: undefined,

  framing: 'natural',
  gzip: false,
  endMarker: 'once',
  malformedEvent: Number.POSITIVE_INFINITY,
  errorEventAfter: Number.POSITIVE_INFINITY,
  lineEnding: '\n',
  bom: false,
  comments: false,
  splitBytes: Number.POSITIVE_INFINITY,
  trickleMs: 0,

  stallBeforeHead: false,
  stallAfterChunks: Number.POSITIVE_INFINITY,
  cutAfterChunks: Number.POSITIVE_INFINITY,
  resetAfterChunks: Number.POSITIVE_INFINITY,
  keepAliveOnlyMs: undefined,
  cutAfterBytes: Number.POSITIVE_INFINITY,
  resetAfterBytes: Number.POSITIVE_INFINITY,
  resetOnConnect: false,
  resetAfterRequest: false,
  resetOnReuse: false,
};
