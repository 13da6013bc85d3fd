/** How requests meet servers: what one brings with it, what is known of servers, and who chooses between them. */
import type { Target, Upstream } from './exchange.ts';
import type { Failure } from './failure.ts';
import type { UpstreamRequest } from './transport.ts';

/** What a request brings when it asks for a slot. */
export interface Want {
  /** As clients see it: each model has a queue of its own. */
  readonly model: string;
  /** Every target that would do, tiers in their order. Which of them may be asked is looked at when one is free. */
  readonly candidates: readonly Target[];
  /** Names of upstreams that have failed it already. */
  readonly visited: ReadonlySet<string>;
  readonly policy: Policy;
  /** Slots are shared fairly between tenants, and what a tenant gets between its keys. */
  readonly tenant: string;
  readonly key: string;
  /** What it will most likely come to, question and answer together. */
  readonly tokens: number;
  /** What of it is the answer. */
  readonly answerTokens: number;
  /** 0 for most; higher goes first, and whoever waits rises. */
  readonly priority: number;
  /** What it holds in memory while it waits. */
  readonly bytes: number;
  /** How many places of the queue it takes: 1, but for what is sent for several requests. */
  readonly places: number;
  /** When it came, on the monotonic clock. */
  readonly arrivedMs: number;
  /** When it is worth nothing any more, on the monotonic clock. */
  readonly deadlineMs: number;
  /** Stands for the beginning of its conversation: whoever answered that has it in memory still. 0 for none. */
  readonly prefix: number;
}

/** Where somebody stands who waits for a slot. */
export interface QueuePlace {
  /** The next one to be served is first. */
  readonly position: number;
  /** Absent as long as nobody knows how fast the queue moves. */
  readonly expectedMs: number | undefined;
}

/** Chooses among targets that have a slot free. All it knows is handed to it; at most it remembers whose turn it is. */
export interface Policy {
  /** As the configuration calls it. */
  readonly name: string;
  /** The index in `free` of the one to take, or -1 where waiting for one that is busy is expected to be quicker. */
  choose(free: readonly Target[], want: Want, known: Known): number;
}

/** What is known at this moment. Asked for each candidate of each request: none of it may cost more than a look. */
export interface Known {
  /** On the monotonic clock. */
  nowMs(): number;
  inFlight(upstream: Upstream): number;
  /** How many requests it works on at once, now. */
  slots(upstream: Upstream): number;
  /** Whether a target that has no slot free may be asked once it has: it is neither down nor drained. */
  mayBeAsked(target: Target, want: Want): boolean;
  /** How long a request occupies a slot there, as learnt; 0 where nothing is known. */
  serviceMs(target: Target): number;
  /** How long loading the model would take first; 0 where it is resident. Whoever asks of many says what time it is. */
  loadMs(target: Target, nowMs?: number): number;
  /** Whether the model is there, or being loaded already: it is not to be loaded once more elsewhere in the meantime. */
  isPlaced(target: Target): boolean;
  /** How much of the model lies on its graphics processor, as the server tells; 1 where nothing is known. */
  gpuShare(target: Target): number;
  /** What a token costs there, in billionths of a dollar. */
  price(target: Target): number;
}

/** Who asks whether a server may be asked. */
export type Asker = Pick<Want, 'candidates' | 'visited' | 'tenant'>;

/** Whether a server may be asked now: what failed, what it told us to wait for, how far it is back. */
export interface Gate {
  /**
   * How many of so many slots may be used: all, a part while it comes back, or none. Of the candidates, who would do in its
   * place, never more than half are left out for failing, and where all are out they are tried one request at a time.
   */
  allows(target: Target, slots: number, asker: Asker): number;
  /** Who may not be sent there while all others may: what failed there was theirs alone. Few, and mostly nobody. */
  shutFor(target: Target): readonly string[];
  /** A request goes there: said before `allows` is asked again. */
  began(target: Target): void;
  /** `there` tells whether anybody else's request is at work on the server. */
  ended(target: Target, ending: Ending, there: OthersThere): void;
  /** What a request is told for which waiting is no use: nobody may be asked, and nobody is about to come back. */
  refusal(asker: Asker): Failure | undefined;
  /** Runs `tell` whenever more or less is allowed than before, be it because time has passed. */
  onChange(tell: () => void): void;
}

export interface OthersThere {
  /** For any but that tenant; on one model there, where it is named. */
  worksForOthers(upstream: Pick<Upstream, 'identity'>, tenant: string, model?: string): boolean;
}

/** How a request left its slot. */
export interface Ending {
  readonly outcome: 'served' | 'left' | Failure;
  /** Whose it was; empty where that is not known. */
  readonly tenant?: string;
  /** How long a stream was waited for in vain; absent where its first content came, or the answer was to come whole. */
  readonly silentMs?: number;
  readonly tookMs: number;
  /** From sending to the first content; 0 where none came. */
  readonly firstContentMs: number;
  readonly outputTokens: number;
  /** Whether its model was to be loaded first. */
  readonly cold: boolean;
  /** How long loading it took, where the server tells; next to nothing where it was there. */
  readonly loadMs?: number;
}

/** A model in a server's memory, as the server tells. */
export interface ResidentModel {
  readonly name: string;
  readonly bytes: number | undefined;
  /** How much of it is in a GPU's memory. */
  readonly gpuBytes: number | undefined;
  /** When it goes if nobody asks for it, in milliseconds since 1970. */
  readonly untilMs: number | undefined;
}

/** What slots are of: a server, or one model on it, by names of their own. */
export interface Leased {
  readonly identity: string;
}

/**
 * How many of a server's slots are this replica's to use: two replicas together never use more than there are. Only where
 * replicas share them; who is alone has no such thing, and all the slots.
 */
export interface SlotShares {
  /** At once: it is asked for at each request. 0 where none is ours now. Whoever asks several times may say when it is. */
  of(leased: Leased, slots: number, nowMs?: number): number;
  /** At each change: how many requests are there, and how many could go there but wait for a slot. */
  want(leased: Leased, underWay: number, waiting: number): void;
  /** Runs whenever a share has grown: whoever waits may have a slot now. */
  onGrown(run: () => void): void;
  /** How many the others use, as last heard; while we wait for more, how many they hold. */
  others(leased: Leased): number;
  /** Where slots are learnt replicas do so together: `learntOf` gives what is learnt here, by an upstream's identity. */
  learnFrom(learntOf: (identity: string) => LearntSlots | undefined): void;
}

/** Who has how many requests, under way and waiting: by what slots are of, then by the party they are shared between. */
export type PartyDemand = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** How much of what a party gets at all replicas it is to get at this one. Only where replicas share slots. */
export interface PartyTurns {
  /** Asked for now and then, and never by a request. */
  countFrom(demand: () => PartyDemand): void;
  /** For those whose requests may be sent to any of these, by their identities. */
  at(servers: Iterable<string>): Weights;
}

export interface Weights {
  /** Another one where `of` may tell something else than before. */
  readonly version: number;
  /** Above 0, up to 1. */
  of(party: string): number;
}

/** How many slots an upstream has, as found out so far. */
export interface LearntSlots {
  readonly now: number;
  /** The last number that was found to be too many; 0 where none was. */
  readonly tooMany: number;
  /** Another replica has found it out. */
  follow(slots: number, tooMany: number): void;
}

/** How servers of one kind tell which models they hold in memory, and how they are asked to load one. */
export interface Keeping {
  /** Where they tell. */
  readonly path: string;
  read(body: unknown): readonly ResidentModel[];
  /**
   * Ways to ask, in the order to try them: the next one where a server answers that its model cannot be asked so. None
   * where it may not be asked.
   */
  ask(wish: KeepWish): readonly UpstreamRequest[];
}

export interface KeepWish {
  readonly model: string;
  /** How long it is to stay when nobody asks for it; 0 unloads it, and without one the server decides. */
  readonly keepAliveMs?: number | undefined;
  /** Answered with one token and thrown away, so that the first client need not wait for what is done once. */
  readonly prompt?: string;
}
