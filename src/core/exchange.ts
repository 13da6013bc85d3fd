/** One request and what we know of it: each stage hands on the same facts plus what it learnt. */

import type { Adapter } from './adapter.ts';
import type { StreamMeter } from './budget.ts';
import type { Call, Dialect, JsonObject, Span } from './call.ts';
import type { Carried } from './carried.ts';
import type { Failure } from './failure.ts';
import type { Policy } from './fleet.ts';
import type { CallResult, Part } from './part.ts';
import type { Signal } from './signal.ts';
import type { Reply } from './stage.ts';
import type { Standing } from './standing.ts';
import type { Trail } from './trail.ts';
import type { Transcript } from './transcript.ts';
import type { Transport } from './transport.ts';

/** The request as the listener read it. The body is still on its way. */
export interface Incoming {
  readonly method: string;
  /** The path as routed: without query, and without a key that stood in it. */
  readonly path: string;
  readonly query: URLSearchParams | undefined;
  /** How long path and query are together. */
  readonly targetBytes: number;
  /** The key from `/k/KEY/…`. */
  readonly pathKey: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly remoteAddress: string;
  readonly onLoopback: boolean;
  /** What is wrong with the request's head: refused before anything else is looked at. */
  readonly fault: Failure | undefined;
  /** Reads the whole body; refuses what is larger, or slower, than the route allows. */
  readBody(limits: BodyLimits): Promise<Uint8Array>;
  /** The body as a stream, for what is too large to hold: blobs. */
  streamBody(limits: BodyLimits): AsyncIterable<Uint8Array>;
}

export interface BodyLimits {
  readonly bodyBytesMax: number;
  readonly bodyMs: number;
}

export interface Received {
  readonly incoming: Incoming;
  readonly trail: Trail;
  readonly signal: Signal;
}

/** What a caller must hold: `public` needs no key, `operate` the operator's role. */
export type Permission = 'public' | 'infer' | 'metrics' | 'operate';

export interface Route {
  /** As metrics and logs name it: `openai.chat`. */
  readonly name: string;
  readonly permission: Permission;
  readonly limits: BodyLimits;
  /** Lowers the model's total clock, where the route promises an answer by then. */
  readonly totalMs?: number;
  readonly voice: Voice;
  /** Turns the body into a call; absent on routes that answer from what the gateway knows. */
  readonly endpoint?: Endpoint;
  /** Answers without a call to a model. */
  readonly answer?: (exchange: Authenticated) => Promise<Reply>;
}

/** How a dialect speaks of failures. */
export interface Voice {
  readonly dialect: Dialect;
  renderFailure(failure: Failure, id: string): RenderedFailure;
  /** The last event of a stream that broke after its head was sent. */
  renderStreamFailure(failure: Failure, id: string): string;
  /** Headers that tell how far the limits are spent. */
  renderStanding(standing: Standing): readonly string[];
}

export interface RenderedFailure {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: string;
}

/** One route of a dialect that calls a model: reads its request, writes its answers. Pure. */
export interface Endpoint {
  /** As the adapter of the same dialect knows it: `chat`, `completions`, `generate`. */
  readonly name: string;
  readonly streamType: string;
  parse(body: ParsedBody): Call;
  renderResult(result: CallResult, facts: ReplyFacts): string;
  openRenderer(facts: ReplyFacts): (part: Part) => string;
}

export interface ParsedBody {
  readonly bytes: Uint8Array;
  readonly value: JsonObject;
  readonly spans: ReadonlyMap<string, Span>;
}

/** What an answer needs to know besides its content. */
export interface ReplyFacts {
  readonly id: string;
  readonly call: Call;
  /** The model's name as the client should read it. */
  readonly model: string;
  readonly wallMs: number;
  /** Milliseconds since the exchange began, on the monotonic clock. */
  elapsedMs(): number;
  /** How an answer that others began says whose it is: `id`, `created`, … stay as the client has read them. */
  readonly head?: JsonObject;
}

export interface Matched extends Received {
  readonly route: Route;
}

export interface Principal {
  /** What logs and the ledger call the credential. The same name in two tenants is two. */
  readonly keyName: string;
  readonly tenant: string;
  /** Empty where there is none. */
  readonly team: string;
  /** Empty where the credential is nobody's in particular. */
  readonly user: string;
  /** Of a program with a token of its own, which is no user's: as its issuer calls it. */
  readonly program?: string;
  readonly role: Role;
  /** What the credential is narrowed to, within its role; absent where it is not. */
  readonly scopes?: Scopes;
}

/** Each one that is absent narrows nothing. */
export interface Scopes {
  /** Names of models, as clients see them. */
  readonly models?: ReadonlySet<string>;
  /** Names of routes: `openai.chat`. */
  readonly routes?: ReadonlySet<string>;
  readonly allowsAddress?: (address: string) => boolean;
}

export type Role = 'owner' | 'admin' | 'operator' | 'developer' | 'viewer' | 'billing';

export interface Authenticated extends Matched {
  readonly principal: Principal;
  /**
   * Present while it is still being asked whether the limits let it in: rejects with why not. Whatever comes meanwhile
   * is done for nobody in vain: nothing is sent, begun or given before it has resolved.
   */
  readonly admission?: Promise<unknown>;
}

export interface Parsed extends Authenticated {
  readonly call: Call;
  readonly endpoint: Endpoint;
  /** Present when someone keeps the answer's text. */
  readonly transcript?: Transcript;
}

/** An upstream as the chain sees it: how to speak to it, and the way there. */
export interface Upstream {
  readonly name: string;
  readonly adapter: Adapter;
  readonly transport: Transport;
  /** Stands for the server and account behind the name: what was learnt about them is kept by it over reloads. */
  readonly identity: string;
  readonly slots: number;
  /** Whether nobody said how many slots: the server may tell better, though never more. */
  readonly slotsAssumed: boolean;
  /** How many it may turn out to work on at once, where nobody said; as many as `slots` where absent. */
  readonly slotsMax?: number;
  /** How many of them one model may have; absent where it may have all. */
  readonly slotsPerModel?: number | undefined;
  /** Where it stands; empty where nobody said. Those of our own zone are asked first. */
  readonly zone: string;
  /** Whether it loads a model when it is first asked for, which takes its time. */
  readonly loadsModels: boolean;
  /** What we send it and nobody else may see: taken out of its words when it refuses us (G8). */
  readonly secrets: readonly string[];
}

/** An upstream and a model on it. */
export interface Target {
  readonly upstream: Upstream;
  readonly model: string;
  readonly tier: number;
  /** Against the others of its tier, for policies that go by it; 1 where nobody said. */
  readonly weight: number;
}

/** Five clocks, five failures; all in milliseconds. */
export interface Clocks {
  readonly connectMs: number;
  readonly firstTokenMs: number;
  readonly loadMs: number;
  readonly idleMs: number;
  readonly totalMs: number;
  readonly queueMs: number;
}

/** Another model, for when no target of the one that was asked for can. */
export interface Fallback {
  readonly name: string;
  readonly targets: readonly Target[];
  readonly policy: Policy;
  readonly clocks: Clocks;
}

export interface Planned extends Parsed {
  /** Tiers in their order. */
  readonly candidates: readonly Target[];
  readonly policy: Policy;
  readonly clocks: Clocks;
  /** The same for a call whose answer others are given as well: whatever the client said of its time. */
  readonly sharedClocks: Clocks;
  /** When the client has no use for the answer any more, on the monotonic clock; absent where it did not say. */
  readonly deadlineMs?: number | undefined;
  /** Upstreams that already failed this exchange. Grows only in `attempt`. */
  readonly visited: ReadonlySet<string>;
  /** In the order to ask them. */
  readonly fallbacks: readonly Fallback[];
  /**
   * Present on an answer that may come to more than is reserved for it: it is asked for as a stream, also where the
   * client wants it whole.
   */
  readonly meter?: StreamMeter;
  /** Its priority in the queue; absent where it is not read before it waits there. */
  readonly priority?: number;
  /** Present on what is sent for several requests at once: others may join until it has a slot. */
  readonly batch?: OpenBatch;
  /** Present on a stream that others may go on with where one breaks off. */
  readonly carried?: Carried;
}

export interface OpenBatch {
  /** Places of the queue that it takes beyond those of the requests it is sent for. */
  readonly places: number;
  /** What it holds of the queue's memory beyond them. */
  readonly bytes: number;
  /** Nobody joins any more: what is to be sent to its target. */
  seal(bound: Bound): Bound;
}

export interface Bound extends Planned {
  readonly target: Target;
}
