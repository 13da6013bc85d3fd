/**
 * The life of a request, top to bottom. This list is the architecture.
 * A comment begins with what the exchange is called from there on, where a stage adds a fact to it (`core/exchange.ts`).
 */
import type { Received } from '../core/exchange.ts';
import { type Handler, pipeline } from '../core/stage.ts';
import { type AnswerOptions, answer } from './answer.ts';
import { assemble } from './assemble.ts';
import { type AttemptOptions, attempt } from './attempt.ts';
import { type AuthenticateOptions, authenticate } from './authenticate.ts';
import { batch, seal } from './batch.ts';
import type { BatchOptions } from './batch-call.ts';
import { type CarryOnOptions, carryOn } from './carry-on.ts';
import { type ConverseOptions, converse } from './converse.ts';
import { type DispatchOptions, dispatch } from './dispatch.ts';
import { holdLine } from './hold-line.ts';
import { type KeepOptions, keep } from './keep.ts';
import { type LimitOptions, limit, limitCall } from './limit.ts';
import type { LineOptions } from './line-comments.ts';
import { type MatchOptions, match } from './match.ts';
import { type ObserveOptions, observe } from './observe.ts';
import { type ParseOptions, parse } from './parse.ts';
import { type PlanOptions, plan } from './plan.ts';
import { type ReplayOptions, replay } from './replay.ts';
import { type RescueOptions, rescue } from './rescue.ts';
import { type ReserveOptions, reserve } from './reserve.ts';
import { type ScheduleOptions, schedule } from './schedule.ts';
import { type ShareOptions, share } from './share.ts';

export interface Parts {
  readonly telemetry: ObserveOptions;
  readonly voices: RescueOptions;
  readonly routes: MatchOptions;
  readonly keys: AuthenticateOptions;
  readonly limiter: LimitOptions;
  readonly knowledge: AnswerOptions;
  readonly bodies: ParseOptions;
  readonly replays: ReplayOptions;
  readonly contents: KeepOptions;
  readonly conversations: ConverseOptions;
  readonly routing: PlanOptions;
  readonly sharing: ShareOptions;
  readonly spending: ReserveOptions;
  readonly batches: BatchOptions;
  readonly survival: CarryOnOptions;
  readonly lines: LineOptions;
  readonly retries: AttemptOptions;
  readonly fleet: ScheduleOptions;
  readonly delivery: DispatchOptions;
}

export function createChain(parts: Parts): Handler<Received> {
  return pipeline<Received>()
    .through(observe(parts.telemetry)) // Received       log, metrics and spool: once, when the reply has ended
    .through(rescue(parts.voices)) //                    the one place where failures become replies, in the route's dialect
    .through(match(parts.routes)) // Matched        + route: dialect, permission, limits of size and time
    .through(authenticate(parts.keys)) // Authenticated  + principal; who shows no known key is told so in its turn
    .through(limit(parts.limiter)) //                    rates, before any work is done for the caller
    .through(answer(parts.knowledge)) //                 what calls no model ends here: listings, health, operator's verbs
    .through(parse(parts.bodies)) // Parsed         + call
    .through(replay(parts.replays)) //                   what carries a key of its own is done once, and given again
    .through(keep(parts.contents)) //                     what is said, of tenants that want it kept: written after the end
    .through(converse(parts.conversations)) //           the conversation so far, read before and kept after
    .through(plan(parts.routing)) // Planned        + candidates, who chooses among them, and the clocks
    .through(limitCall(parts.limiter)) //                rates that ask for model or tokens, settled at the end
    .through(share(parts.sharing)) //                    a flight shared with equal requests: one call, and whoever joins holds nothing
    .through(reserve(parts.spending)) //                 what it may come to is set aside and written down; settled at the end
    .through(batch(parts.batches)) //                     what an upstream takes in one call waits for its like, while others are under way
    .through(assemble(parts.batches)) //                  calls that their server puts together itself go in windows, where that is asked for
    .through(holdLine(parts.lines)) //                   who waits long for a stream is told where it stands
    .through(carryOn(parts.survival)) //                 the only exception to "never after content": the rest is said elsewhere
    .through(attempt(parts.retries)) //                  the one retry loop: other candidates, never after content
    .through(schedule(parts.fleet)) // Bound          + target: waits for a slot on any candidate
    .through(seal()) //                                  a batch that has its slot is sent with whoever joined it by then
    .into(dispatch(parts.delivery)); //                  encode, send, decode
}
