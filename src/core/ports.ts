/** What the gateway needs from the world, in its own words. Every driver of a port passes the port's suite. */
import type { AuditAnchor, AuditEvent, AuditQuestion, AuditRecord, AuditVerdict } from './audit.ts';
import type { BudgetDecision, BudgetStanding, BudgetSubject, Spend } from './budget.ts';
import type { Message } from './call.ts';
import type {
  ConfigVersion,
  ConfigVersionDraft,
  ConfigVersionFacts,
  ConfigVersionsQuestion,
} from './config-version.ts';
import type { Pruned, SealedContent } from './content.ts';
import type {
  DirectoryChanges,
  DirectoryDraft,
  DirectoryEntry,
  DirectoryPlace,
  DirectoryQuestion,
  KeyUse,
} from './directory.ts';
import type { Erasure } from './erasure.ts';
import type { Principal } from './exchange.ts';
import type { Found } from './found.ts';
import type {
  LedgerErasure,
  LedgerHours,
  LedgerHoursQuestion,
  LedgerPage,
  LedgerPageQuestion,
  LedgerQuestion,
  LedgerRow,
  LedgerSum,
} from './ledger.ts';
import type { ReplayClaim, ReplayEnding, ReplayFact, ReplayState } from './replay.ts';
import type { Standing } from './standing.ts';
import type { Owner, Subject } from './subject.ts';

export interface KeyStore {
  /**
   * The principal of a credential, or nothing when it is none of ours. At once where nothing has to be asked. Throws, or
   * rejects with, `dependency_unavailable` where nobody can tell now: that is never the caller's fault (G5).
   */
  find(credential: string): Principal | undefined | Promise<Principal | undefined>;
}

/** Tenants, teams, users and keys, for good. Off the request path: whoever serves follows its changes. */
export interface Directory {
  find(place: DirectoryPlace): Promise<DirectoryEntry | undefined>;
  page(question: DirectoryQuestion): Promise<readonly DirectoryEntry[]>;
  /**
   * Makes or changes an entry, whole. Refuses with `conflict` when it has changed since `ifVersion` (0: must be new), and
   * with `invalid_request` when what it names is not there. With `ifDirectory`, the version at which all was looked at, it
   * refuses with `precondition_failed` when anything at all has changed since.
   */
  put(draft: DirectoryDraft, ifVersion?: number, ifDirectory?: number): Promise<DirectoryEntry>;
  /** With all that belongs to it. False when there was none; refuses as `put` does. */
  remove(place: DirectoryPlace, ifVersion?: number, ifDirectory?: number): Promise<boolean>;
  /** What has changed since a version: from 0 on everything there is. */
  changes(since: number, rowsMax: number): Promise<DirectoryChanges>;
}

/** When keys of the directory were last used. Written in batches, off the request path: exact to a minute or so. */
export interface KeyUses {
  /** Each key once; the later of two times stays. */
  note(uses: readonly KeyUse[]): Promise<void>;
  /** Of those that were ever used; at most 1,000 are asked for. */
  of(tenant: string, names: readonly string[]): Promise<readonly KeyUse[]>;
}

/** What may be spent. Atomic over all replicas: reserved from all the budgets that apply, or from none (G11). */
export interface Budgets {
  /** Never rejects: without the store that replicas share each goes on with its part, and then refuses. */
  reserve(subject: BudgetSubject, estimate: Spend): BudgetDecision | Promise<BudgetDecision>;
  /** Those that have been touched since their window began. */
  standings(): Promise<readonly BudgetStanding[]>;
}

/** Rejects when it cannot keep: then what was to be recorded must not happen (A9). */
export interface Audit {
  append(event: AuditEvent): Promise<AuditRecord>;
  /** Newest first. */
  page(question: AuditQuestion): Promise<readonly AuditRecord[]>;
  /** Whether the anchor is still in the chain, and at most so many records after it follow from it. */
  verify(since: AuditAnchor, recordsMax: number): Promise<AuditVerdict>;
}

/** The configuration's history: the newest is in force. The last few thousand are kept. */
export interface ConfigVersions {
  find(number: number): Promise<ConfigVersion | undefined>;
  /** Newest first. */
  page(question: ConfigVersionsQuestion): Promise<readonly ConfigVersionFacts[]>;
  /** Atomic in every driver: `precondition_failed` unless the one in force has the number `after`; 0 for none. */
  append(draft: ConfigVersionDraft, after: number): Promise<ConfigVersion>;
}

/** Atomic in every driver: of any number that begin with one key, one may (C12). */
export interface Replays {
  begin(claim: ReplayClaim): Promise<ReplayState>;
  /**
   * Of what is still under way: a claim that is not renewed is free again before long. Waits for what goes on besides, and
   * rejects where that went wrong: who ended a claim was not told.
   */
  renew(tokens: readonly string[]): Promise<void>;
  /** Changes nothing where the claim is no longer ours. After `undone` whoever comes next may begin. */
  end(claim: ReplayClaim, token: string, ending: ReplayEnding): Promise<void>;
  /** Of a user, or of a whole tenant; resolves to how many. */
  erase(tenant: string, user?: string): Promise<number>;
  /** Removes what is too old to be replayed, as many at a time as hold nobody up; resolves to how many. */
  prune(): Promise<number>;
}

/** Facts of replays that are kept, never the replies. */
export interface ReplayFacts {
  /** In the order of their keys. */
  page(owner: Owner, after: string | undefined, rowsMax: number): Promise<readonly ReplayFact[]>;
}

/** Prompts and answers, of tenants that have them kept: sealed before they come here. */
export interface Contents {
  /** Those whose id is there already change nothing. */
  append(contents: readonly SealedContent[]): Promise<void>;
  /** Nothing where it is another tenant's, or its time is over (API1). */
  find(tenant: string, id: string): Promise<SealedContent | undefined>;
  /** In the order of their ids, which is that of time. */
  page(owner: Owner, after: string | undefined, rowsMax: number): Promise<readonly SealedContent[]>;
  /** What began by then; resolves to how many. */
  erase(subject: Subject, untilMs: number): Promise<number>;
  /** Removes those whose time is over, as many at a time as hold nobody up. */
  prune(): Promise<Pruned>;
}

/** Erasures that have begun. They are kept until nothing can come late any more, so that any gateway can go on with them. */
export interface Erasures {
  /** The one that is under way begins anew. Nobody else is told of it for as long as `leaseMs`. */
  begin(subject: Subject, leaseMs: number): Promise<Erasure>;
  /** Those that it is time to go on with. */
  due(rowsMax: number): Promise<readonly Erasure[]>;
  /** Says how far it came, and when to go on; nothing happens where it has begun anew since. */
  postpone(erasure: Erasure, forMs: number): Promise<void>;
  end(erasure: Erasure): Promise<void>;
  /** Whether there are any. */
  any(): Promise<boolean>;
}

/** Seals what must not be read where it lies: secrets, prompts, answers. With data keys that can be destroyed. */
export interface Sealer {
  /** `about` says what it is and whose: what was sealed about one thing does not open as another. */
  seal(plain: Uint8Array, about: string): Uint8Array;
  /** Throws where it was not sealed by us, about this, or its key is gone. */
  open(sealed: Uint8Array, about: string): Uint8Array;
}

/** The data keys of those whose words are kept. */
export interface Sealers {
  /** The sealer of a user, or of a tenant's own things with the empty name; made at the first call. */
  of(tenant: string, user: string): Promise<Sealer>;
  /** Destroys the key: what it sealed, wherever copies lie, can never be read again. */
  destroy(tenant: string, user?: string): Promise<void>;
}

export type LimitDecision =
  | {
      readonly allowed: true;
      /** Absent where no limit applies. */
      readonly standing?: Standing | undefined;
      /**
       * Where something was taken that is to be given back: to be called once, when the exchange has ended, with how many
       * tokens it came to if anybody knows. Neither waits nor throws.
       */
      readonly settle?: (tokens: number | undefined) => void;
    }
  | {
      readonly allowed: false;
      readonly limit: string;
      readonly retryAfterMs: number;
      readonly standing?: Standing | undefined;
    };

export interface RateLimiter {
  /**
   * Atomic in every driver: all the limits that apply are taken, or none. Never rejects: without the store that replicas
   * share each enforces its part. At once where nothing is to be waited for, so that it costs no promise.
   */
  take(subject: LimitSubject): LimitDecision | Promise<LimitDecision>;
  /** Whether there are limits that ask for the caller alone. */
  readonly limitsCallers: boolean;
  /** Whether there are limits that ask for the call: those are taken once it is known. */
  readonly limitsCalls: boolean;
}

export interface LimitSubject {
  readonly key: string;
  /** Empty where there is none: limits per user and per team do not apply then. */
  readonly user: string;
  readonly team: string;
  readonly tenant: string;
  /** An IPv4 address, or the network that IPv6 hands to one party. */
  readonly address: string;
  /** The route's name: all the paths that lead to it count as one. */
  readonly route: string;
  /** What is known only once the request was read. With it the limits that ask for it are taken, without it the others. */
  readonly call?: LimitedCall;
  /**
   * Where its two steps are asked at the same time, what both are known by: who is turned away at the first takes nothing
   * at the second.
   */
  readonly exchange?: string | undefined;
  /** The same for all that one caller asks. Absent where callers are not told apart: then all is looked up each time. */
  readonly found?: Found;
}

export interface LimitedCall {
  /** The name that clients see. */
  readonly model: string;
  /** What it will most likely come to, question and answer together. */
  readonly tokens: number;
}

/** How an exchange ended. */
export interface SpoolEnd {
  /** With its line feed. */
  readonly line: string;
  /** Whether its intent was kept. */
  readonly begun: boolean;
}

/** What exchanges cost, on its way to the ledger: a process that dies forgets none of it (G21). */
export interface Spool {
  /**
   * Says that something is about to be spent. Resolves when that is in the file, and there is room for its end; or to
   * false when it cannot be kept: it never rejects.
   */
  intend(line: string): Promise<boolean>;
  /** Says how they ended: in the file when it returns, together with every intent before. */
  settle(ends: readonly SpoolEnd[]): void;
  /**
   * What is not in the ledger yet: of runs that died, and, where `ours` is asked for, of what ended in this one. What did
   * not end counts at what was reserved for it. Of whoever bears all names of one of these, and maybe of others. Never too
   * little. Rejects when nobody can tell now.
   */
  unshipped(of: {
    readonly ours: boolean;
    readonly names: readonly (readonly string[])[];
    /** Asks no ledger: of other runs alone, and what they ended since then is told too, whether it was shipped or not. */
    readonly endedSinceMs?: number;
  }): Promise<readonly LedgerRow[]>;
  /** How many lines could not be kept. */
  readonly lost: number;
  /** Ships what is left, once; the rest is there at the next start. */
  close(): Promise<void>;
}

/** Finished exchanges for good, off the request path: the spool is shipped to it. */
export interface Ledger {
  /** All rows are kept, or none and it rejects. A row whose id is there already changes nothing, sums included. */
  append(rows: readonly LedgerRow[]): Promise<void>;
  /** Ordered by the dimensions asked for. Answers from sums by day and never reads the rows. */
  sum(question: LedgerQuestion): Promise<readonly LedgerSum[]>;
  page(question: LedgerPageQuestion): Promise<LedgerPage>;
  /** Of each hour all that took tokens or cost something; from sums, as `sum` does. */
  hours(question: LedgerHoursQuestion): Promise<LedgerHours>;
}

export interface LedgerRetention {
  /** Takes the names out of rows and sums, which stay as large as they are; resolves to how many rows. May be begun anew. */
  anonymise(erasure: LedgerErasure): Promise<number>;
  /** Removes rows that began before, as many at a time as hold nobody up; resolves to how many. Sums stay. */
  prune(beforeMs: number): Promise<number>;
}

/** At once where nothing is to be waited for. Each is its owner's alone: to others, of the same tenant too, it is not there. */
export interface Conversations {
  /**
   * The messages so far, oldest first; empty for a conversation nobody has begun. Rejects with `dependency_unavailable`
   * while the store is away: an answer that forgot what was said would be a wrong one.
   */
  read(owner: Owner, id: string): readonly Message[] | Promise<readonly Message[]>;
  /** Whole or not at all, also when others append to the same conversation. Never rejects: the answer is already out. */
  append(owner: Owner, id: string, messages: readonly Message[]): void | Promise<void>;
  delete(owner: Owner, id: string): boolean | Promise<boolean>;
  /** A page of what is kept of them, from the first one on where `after` is absent. */
  list(owner: Owner, after?: string): ConversationPage | Promise<ConversationPage>;
  /** All of them; resolves to how many. */
  erase(subject: Subject): number | Promise<number>;
}

export interface ConversationPage {
  readonly conversations: readonly KeptConversation[];
  /** For the next page; absent on the last. */
  readonly next?: string;
}

export interface KeptConversation {
  readonly id: string;
  readonly messages: readonly Message[];
}

/** Slots of upstreams, divided among the replicas: what is granted never adds up to more than there are. */
export interface Leases {
  /**
   * Tells what is held and wanted, and hears in the same order how many of each may be used until the lease ends, which
   * begins when this was called. Fewer than are held may be told: those have to be given back. Never rejects; resolves to
   * nothing while nobody can tell.
   */
  renew(claims: readonly LeaseClaim[]): Promise<readonly LeaseGrant[] | undefined>;
  /** Gives all of them back. What could not be told ends with its lease. */
  release(upstreams: readonly string[]): Promise<void>;
  /** Runs when another replica waits for what may be ours to give, or has given back what we wait for. */
  onNews(run: () => void): void;
  /** How long a grant holds that is not renewed. */
  readonly leaseMs: number;
}

export interface LeaseClaim {
  /** The identity of the upstream. */
  readonly upstream: string;
  readonly slots: number;
  /** Where nobody said how many there are, and `slots` is what was found so far. */
  readonly learnt?: LearntClaim | undefined;
  /** What this replica uses, and may use before it hears more: nobody else is granted it. */
  readonly held: number;
  /** What it could use now. */
  readonly wanted: number;
  /**
   * Whether it was told before how many are its own. Who was and is not known has been forgotten, and others with it who
   * have not told yet what they hold: it keeps what it holds, and is granted no more for the time of a lease.
   */
  readonly heard: boolean;
  /** Who wants them here; absent where nothing is to be said of it now, and what was said last holds. */
  readonly parties?: PartyClaims | undefined;
  /** How many parties it stands for where there is not enough for all; absent where that is not known: for one. */
  readonly weight?: number | undefined;
}

/** Between whom slots are shared, at one replica: those that want most by a mark, and what the others come to. */
export interface PartyClaims {
  readonly named: readonly { readonly mark: string; readonly wanted: number }[];
  readonly others: { readonly count: number; readonly wanted: number };
}

/** What another replica wants, and who there, if it has told. */
export interface OtherClaim extends Pick<LeaseClaim, 'wanted'> {
  readonly parties: PartyClaims;
}

export interface LearntClaim extends Pick<AgreedSlots, 'tooMany' | 'revision'> {
  /** Whether this replica has found it out, and nobody knows yet. */
  readonly isNew: boolean;
}

/**
 * How many slots there are, where replicas find it out together. What was found by who knew the last number is the next
 * one; who did not know it is heard where it has found fewer. After all was forgotten the latest number known counts.
 */
export interface AgreedSlots {
  readonly slots: number;
  /** The last number that was found to be too many; 0 where none was. */
  readonly tooMany: number;
  /** Which one it is of all there were; 0 for none that was agreed on. */
  readonly revision: number;
}

export interface LeaseGrant {
  /** How many may be used. */
  readonly slots: number;
  /** How many the others use; for who waits for more, how many they hold. */
  readonly others: number;
  /** Present where it was claimed with one. */
  readonly learnt?: AgreedSlots | undefined;
  /** Present where it was claimed with parties: what the other replicas want, or none where there is enough for all. */
  readonly claims?: readonly OtherClaim[] | undefined;
}

/** The replicas of this gateway: how many there are, and words between them. */
export interface Presence {
  /** Tells that this replica is there, until it is closed. */
  announce(): Promise<void>;
  /** At least 1, and what was last known while nobody can tell. */
  count(): number;
  /** To all replicas, this one too. False when it could not be sent; whoever was cut off is told so when it is back. */
  publish(channel: string, message: string): Promise<boolean>;
  /** Until what it gives is called. */
  subscribe(channel: string, listener: PresenceListener): () => void;
  close(): Promise<void>;
}

/** Neither may throw. */
export interface PresenceListener {
  message(text: string): void;
  /** Messages may have been missed: what they would have told has to be looked up. */
  missed(): void;
}

/**
 * What the cookies of browsers stand for, by a digest of what they say. Bounded: the one that ends first makes room. Each
 * rejects with `dependency_unavailable` while nobody can tell.
 */
export interface Tickets {
  keep(name: string, text: string, forMs: number): Promise<void>;
  /** Being found it lasts for so long again. */
  find(name: string, forMs: number): Promise<string | undefined>;
  /** Atomic in every driver: of any number that try, one has it. */
  take(name: string): Promise<string | undefined>;
  /** Those that have not ended, in no order. Looking at them keeps none alive. */
  all(): Promise<readonly Ticket[]>;
}

export interface Ticket {
  readonly name: string;
  readonly text: string;
}
