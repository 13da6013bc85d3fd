/**
 * Translation to one upstream dialect. Pure and synchronous: no sockets, clock, configuration or framework,
 * so that recorded traffic tests all of it.
 */
import type { Call, Dialect, JsonObject } from './call.ts';
import type { Failure } from './failure.ts';
import type { CallResult, Part } from './part.ts';
import type { UpstreamRequest } from './transport.ts';

export interface Adapter {
  readonly dialect: Dialect;
  /** How its streams are framed. */
  readonly framing: 'sse' | 'ndjson';
  /** Whether it has a word for "load this model": where not, the gateway answers that by itself. */
  readonly loads: boolean;
  /** Throws `unsupported`, naming the field, for what this upstream cannot do. */
  encode(call: Call, model: string): Encoded;
  decode(call: Call, body: unknown): CallResult;
  openDecoder(call: Call): (frame: Frame) => readonly Part[];
  decodeFailure(status: number, body: string): Failure;
  /** The field of the call that keeps its whole answer from being told by the parts of a stream, if one does. */
  keptFromStreams(call: Call): string | undefined;
  readonly goesOn: GoesOn;
  /** Whether a call like this one may bring the inputs of others along, and is answered input by input. */
  manyInputs(call: Call): boolean;
}

/** Whether the model goes on with an answer that another began, to a call of this kind. */
export type GoesOn = (model: ListedModel, kind: Call['kind']) => boolean;

export interface ListedModel {
  readonly name: string;
  /** Its entry in the server's list, where it is in it. */
  readonly described: JsonObject | undefined;
}

export interface Encoded {
  readonly request: UpstreamRequest;
  /** The upstream's bytes are the client's dialect already: they pass, watched but not rewritten. */
  readonly verbatim: boolean;
  /** We asked for a usage frame that the client did not: it is dropped on the way. */
  readonly dropUsage: boolean;
  /** What the client asked for and this upstream has no word for, where leaving it out changes no answer. */
  readonly warnings?: readonly string[];
}

/** Where servers of one kind tell how many requests they work on at once, which their dialect has no word for. */
export interface SlotsTold {
  readonly path: string;
  /** Whether it is such a server, by a model it lists. */
  isToldBy(model: JsonObject): boolean;
  read(body: unknown): number | undefined;
}

/** One event of a stream: an SSE event or an NDJSON line. */
export interface Frame {
  readonly event: string;
  readonly data: string;
}
