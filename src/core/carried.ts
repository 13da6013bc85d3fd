/**
 * A client's stream that another target may go on with where one breaks off: what the client has of it so far, and how
 * what comes next is joined to it.
 */
import type { Frame } from './adapter.ts';
import type { Failure } from './failure.ts';
import type { Part } from './part.ts';
import type { StreamSource } from './stage.ts';

export type Decoder = (frame: Frame) => readonly Part[];
export type Renderer = (part: Part) => string;

/** One target's part of the stream. */
export interface Leg extends StreamSource {
  /** Ends it here, as if it had failed: it is moved, or its target is drained. */
  breakOff(failure: Failure): void;
}

export interface Carried {
  /** Absent on the leg that begins the stream. */
  readonly joint: Joint | undefined;
  /** A leg begins to be read. What it writes with is gone on with; absent where events pass as they came. */
  opened(leg: Leg, render: Renderer | undefined): void;
  /** A part is passed on to the client. */
  heard(part: Part): void;
  /** An event is passed on as it came; whether all it tells is what the answer came to. */
  passed(bytes: Uint8Array, usageOnly: boolean): void;
  /** Whether others go on where a leg broke off: then it writes nothing more, and the stream has no end yet. */
  takesOver(failure: Failure): boolean;
}

/** Between what the client has and what comes next. */
export interface Joint {
  /** How many tokens the client had of the answer when it broke off. */
  readonly hadTokens: number;
  /** How many were said once more, those included that turned out to be others. */
  readonly tokensAgain: number;
  /** Takes away what was said again on purpose; throws `not_continued` where it is not what was said before. */
  join(decode: Decoder): Decoder;
  readonly render: Renderer;
}
