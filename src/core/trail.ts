/**
 * The one mutable record of an exchange. Each field is written where the comment above it says.
 * The log line, metrics, spool row and later the span and `explain` are projections of it.
 */
import type { Dialect } from './call.ts';
import type { Failure, FailureCode } from './failure.ts';
import type { QueuePlace } from './fleet.ts';
import type { LedgerRow, NanoUsd } from './ledger.ts';
import type { StopReason, Usage } from './part.ts';
import type { Standing } from './standing.ts';

export interface AttemptRecord {
  readonly upstream: string;
  readonly model: string;
  readonly code: string;
  readonly tookMs: number;
}

/** A try that was sent and then left for another: whoever worked on it may send a bill. */
export interface LeftTryRecord {
  readonly upstream: string;
  readonly targetModel: string;
  /** As clients call it. */
  readonly model: string;
  readonly code: FailureCode;
  /** What it told. */
  readonly usage: Usage | undefined;
  /** How many tokens came, those included that its client was not to see. */
  readonly outputSeen: number;
  /** How much of an answer that others had begun stood in its question. */
  readonly handedTokens: number;
}

/** A stream was gone on with by another target, or by the same one again. */
export interface CarriedOnRecord {
  readonly upstream: string;
  readonly model: string;
  readonly toUpstream: string;
  readonly toModel: string;
  /** Why the one before broke off. */
  readonly code: string;
  /** What the client had by then. Tokens are counted as they came, for nobody told them. */
  readonly atChars: number;
  readonly atTokens: number;
  /** Of those, how many were said once more, to see that it goes on from there. */
  readonly tokensAgain: number;
  /** From the break until more came. */
  readonly tookMs: number;
}

export class Trail {
  // listener
  readonly id: string;
  readonly startedMs: number;
  readonly wallMs: number;
  clientRequestId: string | undefined = undefined;
  remoteAddress = '';
  // observe: `configId` is the configuration snapshot that served it
  configId = '';
  status = 0;
  outcome: 'open' | 'complete' | 'failed' | 'aborted' = 'open';
  endedMs = 0;
  // observe for a whole reply; for a stream whoever writes it: dispatch, or an operator's verb
  bytesOut = 0;
  // match
  route = '';
  dialect: Dialect = 'openai';
  // authenticate
  keyName = '';
  tenant = '';
  team = '';
  user = '';
  // parse
  callKind = '';
  // parse; operator's verbs, which end before it
  bytesIn = 0;
  modelAsked = '';
  stream = false;
  // replay: the answer is one that was given before, and nothing was done for it
  replayed = false;
  // plan; attempt, where a fallback is asked in its place
  model = '';
  // limit: how far the limits that apply are spent
  standing: Standing | undefined = undefined;
  // limit: a limit refused it, and what was begun meanwhile comes to nothing
  turnedAway = false;
  // reserve: what it may come to, reserved where budgets apply, and so what a lost exchange is counted at
  reservedNanoUsd: NanoUsd = 0;
  reservedInputTokens = 0;
  reservedOutputTokens = 0;
  // reserve: how its client wants it served, where that may have a price of its own
  serviceTierAsked: string | undefined = undefined;
  // reserve: that it was about to be sent is in the spool, with room for its end
  begun = false;
  // share: whose answer it was given; empty where it had one of its own
  sharedFrom = '';
  // share: how many others were given its answer. It is over for its own client before that, where one of them reads longer
  sharedWith = 0;
  // batch: how many requests the call upstream was sent for, this one included, 0 where for this one alone
  batchedWith = 0;
  // batch, assemble: how long it waited for others before it was handed to the scheduler
  gatheredMs = 0;
  // carryOn
  carriedOn: CarriedOnRecord[] | undefined = undefined;
  // holdLine, attempt, carryOn: whether somebody tells its client where it stands, should it wait long
  lineHeld = false;
  // attempt
  attempts: AttemptRecord[] = [];
  // attempt, carryOn: what `sentMs`, `usage` and `outputSeen` are no longer of
  leftTries: LeftTryRecord[] | undefined = undefined;
  // schedule: `upstream` and `targetModel` are empty while no upstream has it
  queuedMs = 0;
  /** Tells where it stands in the queue: there while it waits, and only then. */
  place: (() => QueuePlace | undefined) | undefined = undefined;
  upstream = '';
  targetModel = '';
  /** Who chose it, among how many; and its tier, 0 where that is the first. */
  policy = '';
  choices = 0;
  laterTier = 0;
  /** Whether its model most likely has to be loaded there first. */
  loading = false;
  // dispatch
  sentMs = 0;
  firstByteMs = 0;
  firstContentMs = 0;
  usage: Usage | undefined = undefined;
  // dispatch, for a stream: how many tokens came, as far as they can be counted without being told
  outputSeen = 0;
  stop: StopReason | undefined = undefined;
  // reserve: whether `usage` is our own count, where an upstream worked and told none
  usageEstimated = false;
  // reserve, when it is over, by the prices of `configId`; all empty where no upstream was asked
  costNanoUsd: NanoUsd = 0;
  priceVersion = '';
  // reserve: what it cost beyond what was set aside for it
  excessNanoUsd: NanoUsd = 0;
  savedNanoUsd: NanoUsd = 0;
  savedBy: LedgerRow['savedBy'] = '';
  // any stage
  readonly warnings: string[] = [];
  #warned = 0;
  // rescue, whoever writes a stream that broke (dispatch, an operator's verb), and observe for what ended otherwise
  failure: Failure | undefined = undefined;

  constructor(id: string, times: { startedMs: number; wallMs: number }) {
    this.id = id;
    this.startedMs = times.startedMs;
    this.wallMs = times.wallMs;
  }

  /** A client may give cause for thousands, each as long as it likes: they end up in a header, the log and the spool. */
  warn(warnings: readonly string[]): void {
    for (const warning of warnings) {
      this.#warned += 1;
      if (this.#warned <= warningsMax) this.warnings.push(bounded(warning));
      else this.warnings[warningsMax] = `and ${this.#warned - warningsMax} more`;
    }
  }
}

const warningsMax = 20;
const warningCharsMax = 160;

function bounded(text: string): string {
  return text.length <= warningCharsMax ? text : `${text.slice(0, warningCharsMax - 1).toWellFormed()}…`;
}
