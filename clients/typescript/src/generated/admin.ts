/** Written by scripts/make-clients.ts from what the gateway says of itself; changes here are lost. */
import { type CallOptions, type ChangeOptions, type ClientOptions, Connection } from "../connection.ts";

export interface Alert {
  /** Its kind and host; never the whole address. */
  readonly name: string;
  /** Notices that it has not taken yet. */
  readonly waiting: number;
  readonly delivered: number;
  /** Notices that were given up. */
  readonly lost: number;
  /** It wants no more; a reload of the configuration asks it again. */
  readonly disabled: boolean;
  /** Why the last attempt came to nothing; empty when it did not. */
  readonly lastTrouble: string;
}

export interface AlertsListAnswer {
  readonly receivers: ReadonlyArray<Alert>;
}

export interface AlertsTestAnswer {
  readonly receivers: ReadonlyArray<{
    readonly name: string;
    readonly taken: boolean;
    /** Why it was not taken; empty when it was. */
    readonly says: string;
  }>;
}

export interface Audit {
  readonly number: number;
  readonly at: string;
  readonly actor: string;
  readonly tenant: string;
  readonly address: string;
  readonly action: string;
  readonly object: string;
  readonly outcome: "begun" | "done" | "refused" | "failed";
  readonly detail: Readonly<Record<string, unknown>>;
  readonly digest: string;
}

export interface AuditListAnswer {
  readonly items: ReadonlyArray<Audit>;
  readonly next?: number | undefined;
}

export type AuditVerifyAnswer = {
  readonly sound: true;
  readonly upTo: {
    readonly number: number;
    readonly digest: string;
  };
  readonly more: boolean;
} | {
  readonly sound: false;
  readonly brokenAt: number;
  readonly reason: string;
};

export interface Budget {
  readonly name: string;
  readonly per: string;
  readonly holder: string;
  readonly unit: "usd" | "tokens" | "requests";
  readonly limit: number;
  readonly spent: number;
  readonly reserved: number;
  readonly windowStart: string;
  readonly windowEnd?: string | undefined;
}

export interface BudgetsListAnswer {
  readonly items: ReadonlyArray<Budget>;
  readonly next?: string | undefined;
}

export interface ConfigApplyAnswer {
  readonly version: number;
  readonly configId: string;
  readonly outcome: "taken" | "unchanged" | "refused";
  readonly warnings: ReadonlyArray<string>;
}

export interface ConfigApplyBody {
  /** All that is read again at each reload, as YAML or JSON; comments are kept. What is left out has its default. */
  readonly text: string;
}

export interface ConfigDiffAnswer {
  readonly configId: string;
  readonly changes: ReadonlyArray<{
    readonly path: string;
    readonly kind: "added" | "removed" | "changed";
    readonly before?: unknown | undefined;
    readonly after?: unknown | undefined;
  }>;
  readonly more: number;
  readonly opened: ReadonlyArray<string>;
  readonly closed: ReadonlyArray<string>;
  readonly needsRestart: ReadonlyArray<string>;
}

export interface ConfigHistoryAnswer {
  readonly items: ReadonlyArray<{
    readonly version: number;
    readonly at: string;
    /** Who, as the audit log names him; `file` where somebody wrote the file. */
    readonly by: string;
    readonly source: "file" | "applied" | "rollback";
    readonly note: string;
    /** Whether `***` stands in its text for secrets that are written out in the file on disk. */
    readonly masked: boolean;
  }>;
  readonly next?: number | undefined;
}

export type ConfigReloadAnswer = {
  readonly outcome: "taken" | "unchanged";
  readonly configId: string;
  readonly needsRestart: ReadonlyArray<string>;
  readonly warnings: ReadonlyArray<string>;
  readonly workers?: ReadonlyArray<{
    readonly worker: number;
    readonly configId: string;
    readonly trouble?: string | undefined;
  }> | undefined;
} | {
  readonly outcome: "refused";
  readonly configId: string;
  readonly problems: ReadonlyArray<{
    readonly file: string;
    readonly line: number;
    readonly column: number;
    readonly path: string;
    readonly message: string;
    readonly hint?: string | undefined;
  }>;
};

export interface ConfigRollbackBody {
  /** Which version of the history is to be in force again. */
  readonly version: number;
}

export interface ConfigShowAnswer {
  /** Of what is in force on this gateway: equal for equal configurations. */
  readonly id: string;
  /** The last one of the history; 0 where nobody ever applied anything. */
  readonly version: number;
  /** Whether the file on disk is in force, or what was applied over it. */
  readonly from: "file" | "applied";
  /** What `If-Match` names in a change of it: the header `ETag` says the same. */
  readonly etag: string;
  readonly files: ReadonlyArray<string>;
  readonly warnings: ReadonlyArray<string>;
  /** All that can be applied, as it is written; without secrets. */
  readonly text: string;
  readonly masked: boolean;
  readonly config: Readonly<Record<string, unknown>>;
}

export interface ConfigValidateAnswer {
  readonly valid: boolean;
  readonly configId?: string | undefined;
  readonly problems: ReadonlyArray<{
    readonly file: string;
    readonly line: number;
    readonly column: number;
    readonly path: string;
    readonly message: string;
    readonly hint?: string | undefined;
  }>;
  readonly warnings: ReadonlyArray<string>;
}

export interface ConfigVersionAnswer {
  readonly version: number;
  readonly at: string;
  /** Who, as the audit log names him; `file` where somebody wrote the file. */
  readonly by: string;
  readonly source: "file" | "applied" | "rollback";
  readonly note: string;
  /** Whether `***` stands in its text for secrets that are written out in the file on disk. */
  readonly masked: boolean;
  readonly text: string;
}

export interface ConfiguredKey {
  readonly name: string;
  readonly tenant: string;
  readonly role: string;
  readonly from: "data" | "configuration";
  readonly scopes: {
    readonly models: ReadonlyArray<string>;
    readonly routes: ReadonlyArray<string>;
    readonly addresses: ReadonlyArray<string>;
  };
  readonly expiresAt: string | null;
}

export interface ConfiguredKeysListAnswer {
  readonly auth: "keys" | "jwt" | "both" | "none";
  readonly keys: ReadonlyArray<ConfiguredKey>;
  readonly next?: string | undefined;
}

export interface ContentsShowAnswer {
  readonly id: string;
  readonly tenant: string;
  readonly user: string;
  readonly at: string;
  readonly expiresAt: string;
  readonly route: string;
  readonly model: string;
  readonly outcome: string;
  readonly prompt: unknown;
  readonly answer: string;
  readonly cut: boolean;
}

export interface CostsShowAnswer {
  readonly from: string;
  readonly to: string;
  readonly until: string;
  readonly total: {
    readonly exchanges: number;
    readonly tokens: number;
    readonly costUsd: number;
    readonly serverUsd: number;
    readonly idleUsd: number;
    readonly meteredUsd: number;
    readonly usdPerExchange?: number | undefined;
    readonly usdPerMTokens?: number | undefined;
  };
  readonly servers: ReadonlyArray<{
    readonly upstream: string;
    readonly monthlyUsd: number;
    readonly since: string;
    readonly exchanges: number;
    readonly inputTokens: number;
    readonly outputTokens: number;
    readonly costUsd: number;
    readonly utilisation: number;
    readonly idleUsd: number;
    readonly pricedUsd: number;
    readonly usdPerExchange?: number | undefined;
    readonly usdPerMTokens?: number | undefined;
    readonly returns?: {
      readonly cloudUsd: number;
      readonly serverUsd: number;
      readonly netUsd: number;
      readonly ratio?: number | undefined;
      readonly breakEvenUtilisation?: number | undefined;
      readonly breakEvenDays?: number | undefined;
    } | undefined;
  }>;
  readonly metered: ReadonlyArray<{
    readonly upstream: string;
    readonly exchanges: number;
    readonly inputTokens: number;
    readonly outputTokens: number;
    readonly costUsd: number;
    readonly usdPerExchange?: number | undefined;
    readonly usdPerMTokens?: number | undefined;
  }>;
  readonly returns?: {
    readonly against: string;
    readonly cloudUsd: number;
    readonly serverUsd: number;
    readonly netUsd: number;
    readonly ratio?: number | undefined;
  } | undefined;
  readonly advice: ReadonlyArray<{
    readonly kind: "server-idle" | "servers-too-large" | "server-dearer-than-others" | "server-priced-wrong" | "server-unpriced" | "billed-while-idle" | "model-unused";
    readonly about: ReadonlyArray<string>;
    readonly text: string;
    readonly evidence: Readonly<Record<string, number>>;
    readonly threshold: Readonly<Record<string, number>>;
  }>;
  readonly days: ReadonlyArray<{
    readonly day: string;
    readonly upstream: string;
    readonly exchanges: number;
    readonly inputTokens: number;
    readonly outputTokens: number;
    readonly costUsd: number;
    readonly utilisation?: number | undefined;
    readonly idleUsd?: number | undefined;
    readonly pricedUsd?: number | undefined;
  }>;
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

export interface Exchange {
  readonly id: string;
  readonly at: string;
  readonly tenant: string;
  readonly team: string;
  readonly user: string;
  readonly key: string;
  readonly route: string;
  readonly model: string;
  readonly upstream: string;
  readonly targetModel: string;
  readonly outcome: "complete" | "failed" | "aborted" | "lost";
  readonly code: string;
  readonly status: number;
  readonly stream: boolean;
  readonly tookMs: number;
  readonly firstTokenMs: number;
  readonly queuedMs: number;
  readonly failedTries: number;
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly priceVersion: string;
  readonly costUsd: number;
  readonly savedUsd: number;
  readonly savedBy: string;
  readonly policy: string;
  readonly why: "" | "only" | "policy" | "freed" | "tier" | "retry";
  readonly tier: number;
  readonly carriedOn: number;
  readonly batchedWith: number;
  readonly sharedFrom: string;
  readonly sharedWith: number;
  readonly serviceTier: string;
}

export interface ExchangesListAnswer {
  readonly from: string;
  readonly to: string;
  readonly exchanges: ReadonlyArray<Exchange>;
  readonly next?: string | undefined;
}

export interface Key {
  readonly tenant: string;
  readonly name: string;
  readonly team: string;
  readonly user: string;
  /** What its holder may do. */
  readonly role: "owner" | "admin" | "operator" | "developer" | "viewer" | "billing";
  readonly hint: string;
  readonly scopes: {
    readonly models: ReadonlyArray<string>;
    readonly routes: ReadonlyArray<string>;
    readonly addresses: ReadonlyArray<string>;
  };
  /** Null for never. */
  readonly expiresAt: string | null;
  readonly previousUntil: string | null;
  readonly lastUsedAt: string | null;
  readonly active: boolean;
  readonly createdAt: string;
  readonly version: number;
  readonly warnings?: ReadonlyArray<string> | undefined;
}

export interface KeysChangeBody {
  /** Empty for none. */
  readonly team?: "" | string | undefined;
  /** What its holder may do. */
  readonly role?: "owner" | "admin" | "operator" | "developer" | "viewer" | "billing" | undefined;
  /** What the key is narrowed to; an empty list narrows nothing. */
  readonly scopes?: {
    /** Names of models, as clients see them. */
    readonly models?: ReadonlyArray<string> | undefined;
    /** As `openai.chat`. */
    readonly routes?: ReadonlyArray<string> | undefined;
    /** Addresses and networks: `10.0.0.0/8`. */
    readonly addresses?: ReadonlyArray<string> | undefined;
  } | undefined;
  /** Null for never. */
  readonly expiresAt?: string | null | undefined;
  readonly active?: boolean | undefined;
}

export interface KeysCreateAnswer {
  readonly tenant: string;
  readonly name: string;
  readonly team: string;
  readonly user: string;
  /** What its holder may do. */
  readonly role: "owner" | "admin" | "operator" | "developer" | "viewer" | "billing";
  readonly hint: string;
  readonly scopes: {
    readonly models: ReadonlyArray<string>;
    readonly routes: ReadonlyArray<string>;
    readonly addresses: ReadonlyArray<string>;
  };
  /** Null for never. */
  readonly expiresAt: string | null;
  readonly previousUntil: string | null;
  readonly lastUsedAt: string | null;
  readonly active: boolean;
  readonly createdAt: string;
  readonly version: number;
  readonly warnings?: ReadonlyArray<string> | undefined;
  readonly key: string;
}

export interface KeysCreateBody {
  readonly name: string;
  /** Empty for none. */
  readonly team?: "" | string | undefined;
  /** Whose key it is; empty for nobody’s in particular. */
  readonly user?: "" | string | undefined;
  /** What its holder may do. */
  readonly role?: "owner" | "admin" | "operator" | "developer" | "viewer" | "billing" | undefined;
  /** What the key is narrowed to; an empty list narrows nothing. */
  readonly scopes?: {
    /** Names of models, as clients see them. */
    readonly models?: ReadonlyArray<string> | undefined;
    /** As `openai.chat`. */
    readonly routes?: ReadonlyArray<string> | undefined;
    /** Addresses and networks: `10.0.0.0/8`. */
    readonly addresses?: ReadonlyArray<string> | undefined;
  } | undefined;
  /** Null for never. */
  readonly expiresAt?: string | null | undefined;
}

export interface KeysListAnswer {
  readonly items: ReadonlyArray<Key>;
  readonly next?: string | undefined;
}

export interface KeysRotateBody {
  /** For how many seconds the key from before opens too; 0 ends it at once. */
  readonly overlapS?: number | undefined;
}

export interface LimitsListAnswer {
  readonly items: ReadonlyArray<Readonly<Record<string, unknown>>>;
}

export interface LimitsPutBody {
  readonly items: ReadonlyArray<Readonly<Record<string, unknown>>>;
}

export interface Model {
  readonly name: string;
  readonly from: "configuration" | "upstream";
  readonly policy: string;
  readonly targets: ReadonlyArray<{
    readonly upstream: string;
    readonly model: string;
    readonly tier: number;
    readonly drained?: true | undefined;
  }>;
}

export interface ModelsListAnswer {
  readonly defaultModel?: string | undefined;
  readonly models: ReadonlyArray<Model>;
  readonly next?: string | undefined;
}

export interface ModelsLoadAnswer {
  readonly servers: ReadonlyArray<{
    readonly upstream: string;
    /** As that upstream calls it. */
    readonly model: string;
    readonly done: boolean;
    readonly tookMs: number;
    /** Why it was not done; empty when it was. */
    readonly says: string;
  }>;
}

export interface ModelsLoadBody {
  /** The upstream that is to do it. When absent: to load, every one of the model’s first tier; to unload, every one. */
  readonly on?: string | undefined;
}

export interface ModelsRunningAnswer {
  readonly waiting: number;
  readonly running: ReadonlyArray<{
    readonly model: string;
    readonly upstream: string;
    readonly state: "unknown" | "up" | "down";
    readonly drained?: true | undefined;
    readonly inFlight: number;
    readonly slots: number;
    readonly slotsFrom: "configured" | "told" | "learnt" | "assumed" | "leased";
    readonly queued: number;
    readonly inMemory: "yes" | "no" | "unknown";
    readonly loaded?: {
      readonly bytes?: number | undefined;
      readonly gpuBytes?: number | undefined;
      readonly until?: string | undefined;
    } | undefined;
  }>;
  readonly machines: ReadonlyArray<{
    readonly upstream: string;
    readonly loads: number;
    readonly loadMs: number;
    readonly evictions: number;
    readonly gpuPercent?: number | undefined;
    readonly gpuUsedBytes?: number | undefined;
    readonly gpuTotalBytes?: number | undefined;
    readonly cpuPercent?: number | undefined;
    readonly memoryUsedBytes?: number | undefined;
    readonly memoryTotalBytes?: number | undefined;
  }>;
}

export interface PricesListAnswer {
  readonly prices: Readonly<Record<string, unknown>>;
}

export interface PrivacyEraseAnswer {
  readonly tenant: string;
  readonly user?: string | undefined;
  readonly erased: {
    readonly entries: number;
    readonly contents: number;
    readonly replays: number;
    readonly conversations: number;
    readonly exchanges: number;
  };
  readonly remains: ReadonlyArray<{
    readonly what: string;
    readonly where: string;
    readonly until: string;
    readonly why: string;
  }>;
}

export interface PrivacyExportAnswer {
  readonly tenant: string;
  readonly user?: string | undefined;
  readonly at: string;
  readonly directory: ReadonlyArray<Readonly<Record<string, unknown>>>;
  readonly exchanges: ReadonlyArray<Readonly<Record<string, unknown>>>;
  readonly contents: ReadonlyArray<Readonly<Record<string, unknown>>>;
  readonly conversations: ReadonlyArray<Readonly<Record<string, unknown>>>;
  readonly replays: ReadonlyArray<Readonly<Record<string, unknown>>>;
  readonly audit: ReadonlyArray<Readonly<Record<string, unknown>>>;
}

export type PrivacyExportBody = {
  /** As keys and tokens name them. */
  readonly user: string;
} | {
  /** The tenant’s name once more: all its people and everything of theirs. */
  readonly wholeTenant: string;
};

export interface QueueShowAnswer {
  readonly waiting: number;
  readonly models: ReadonlyArray<{
    readonly model: string;
    readonly waiting: number;
    readonly bytes: number;
    readonly oldestMs: number;
    readonly expectedMs?: number | undefined;
    readonly tenants: ReadonlyArray<{
      readonly tenant: string;
      readonly waiting: number;
      readonly oldestMs: number;
    }>;
    readonly requests: ReadonlyArray<{
      readonly tenant: string;
      readonly key: string;
      readonly priority: number;
      readonly tokens: number;
      readonly waitedMs: number;
      readonly position: number;
      readonly expectedMs?: number | undefined;
    }>;
  }>;
}

export interface ReadyzAnswer {
  readonly status: "ready" | "starting" | "full" | "draining";
  readonly degraded: ReadonlyArray<string>;
}

export interface SavingsSumAnswer {
  readonly from: string;
  readonly to: string;
  readonly premium?: string | undefined;
  readonly by: ReadonlyArray<string>;
  readonly total: {
    readonly exchanges: number;
    readonly costUsd: number;
    readonly cacheUsd: number;
    readonly routingUsd: number;
    readonly selfHostingUsd: number;
    readonly savedUsd: number;
  };
  readonly savings: ReadonlyArray<{
    readonly by: Readonly<Record<string, string>>;
    readonly exchanges: number;
    readonly costUsd: number;
    readonly cacheUsd: number;
    readonly routingUsd: number;
    readonly selfHostingUsd: number;
    readonly savedUsd: number;
  }>;
}

export interface Secret {
  readonly name: string;
  readonly version: number;
  readonly updatedAt: string;
  readonly updatedBy: string;
}

export interface SecretsListAnswer {
  readonly items: ReadonlyArray<Secret>;
  readonly next?: string | undefined;
}

export interface SecretsPutBody {
  readonly value: string;
}

export interface SecretsRotateAnswer {
  readonly rewrapped: number;
  readonly left: ReadonlyArray<{
    readonly tenant: string;
    readonly user: string;
  }>;
  readonly next?: {
    readonly tenant: string;
    readonly user: string;
  } | undefined;
}

export interface SecretsRotateBody {
  /** `next` of the answer before; from the beginning where it is absent. */
  readonly after?: {
    readonly tenant: string;
    readonly user: string;
  } | undefined;
}

export interface Session {
  readonly id: string;
  readonly name: string;
  readonly tenant: string;
  readonly user: string;
  readonly role: "owner" | "admin" | "operator" | "developer" | "viewer" | "billing";
  readonly beganAt: string;
  readonly expiresAt: string;
}

export interface SessionShowAnswer {
  readonly name: string;
  readonly tenant: string;
  readonly role: "owner" | "admin" | "operator" | "developer" | "viewer" | "billing";
  readonly how: "token" | "key" | "session";
  readonly csrf?: string | undefined;
  readonly expiresAt?: string | undefined;
}

export interface SessionsListAnswer {
  readonly items: ReadonlyArray<Session>;
  readonly next?: string | undefined;
}

export interface StatusShowAnswer {
  readonly version: string;
  readonly pid: number;
  readonly startedAt: string;
  readonly uptimeS: number;
  readonly configId: string;
  readonly configFiles: ReadonlyArray<string>;
  readonly accepting: boolean;
  readonly replicas: number;
  readonly degraded: ReadonlyArray<string>;
  readonly inFlight: number;
  readonly waiting: number;
  readonly rssBytes: number;
  readonly workers?: ReadonlyArray<{
    readonly worker: number;
    readonly pid: number;
    readonly startedAt: string;
    readonly configId: string;
    readonly accepting: boolean;
    readonly inFlight: number;
    readonly waiting: number;
    readonly rssBytes: number;
  }> | undefined;
}

export interface Team {
  readonly tenant: string;
  readonly name: string;
  /** Of one that is switched off: by whom. It shuts nobody whom that role may not change. Absent where it shuts everybody. */
  readonly offBy?: "owner" | "admin" | "operator" | "developer" | "viewer" | "billing" | undefined;
  readonly active: boolean;
  readonly createdAt: string;
  readonly version: number;
}

export interface TeamsChangeBody {
  readonly active?: boolean | undefined;
}

export interface TeamsCreateBody {
  readonly name: string;
}

export interface TeamsListAnswer {
  readonly items: ReadonlyArray<Team>;
  readonly next?: string | undefined;
}

export interface Tenant {
  readonly name: string;
  readonly keepContentDays: number;
  readonly active: boolean;
  readonly createdAt: string;
  readonly version: number;
}

export interface TenantsChangeBody {
  /** How many days prompts and answers are kept; 0 for not at all. */
  readonly keepContentDays?: number | undefined;
  readonly active?: boolean | undefined;
}

export interface TenantsCreateBody {
  readonly name: string;
  /** How many days prompts and answers are kept; 0 for not at all. */
  readonly keepContentDays?: number | undefined;
}

export interface TenantsListAnswer {
  readonly items: ReadonlyArray<Tenant>;
  readonly next?: string | undefined;
}

export interface Upstream {
  readonly name: string;
  readonly type: string;
  readonly url?: string | undefined;
  readonly state: "unknown" | "up" | "down";
  readonly inFlight: number;
  readonly slots: number;
  readonly failures: number;
  readonly lastFailure?: string | undefined;
  readonly lastHeardAt?: string | undefined;
  readonly standing: "closed" | "open" | "trial" | "returning";
  readonly nextTryAt?: string | undefined;
  readonly modelsOut: ReadonlyArray<string>;
  readonly drained?: {
    readonly by: string;
    readonly since: string;
  } | undefined;
  readonly models: ReadonlyArray<string>;
}

export interface UpstreamsDrainAnswer {
  readonly upstream: string;
  readonly drained: boolean;
  /** Streams that are said by other servers from now on. */
  readonly moved: number;
  /** What is still under way there, in this gateway; it may end there. */
  readonly inFlight: number;
  /** Whether all replicas know; else this one alone, until they can be told. */
  readonly everywhere: boolean;
  readonly warnings: ReadonlyArray<string>;
}

export interface UpstreamsListAnswer {
  readonly upstreams: ReadonlyArray<Upstream>;
  readonly next?: string | undefined;
}

export type UpstreamsPutBody = Readonly<Record<string, unknown>>;

export interface UsageSumAnswer {
  readonly from: string;
  readonly to: string;
  readonly by: ReadonlyArray<"day" | "tenant" | "team" | "user" | "key" | "route" | "model" | "upstream" | "targetModel" | "outcome" | "savedBy" | "code" | "status" | "priceVersion" | "stream" | "policy" | "why" | "tier" | "carriedOn" | "batchedWith" | "sharedFrom" | "sharedWith" | "serviceTier">;
  readonly sums: ReadonlyArray<{
    readonly by: Readonly<Record<string, string>>;
    readonly exchanges: number;
    readonly inputTokens: number;
    readonly cachedInputTokens: number;
    readonly outputTokens: number;
    readonly reasoningTokens: number;
    readonly costUsd: number;
    readonly savedUsd: number;
  }>;
}

export interface User {
  readonly tenant: string;
  readonly name: string;
  readonly team: string;
  /** What its holder may do. */
  readonly role: "owner" | "admin" | "operator" | "developer" | "viewer" | "billing";
  readonly service: boolean;
  /** Of one that is switched off: by whom. It shuts nobody whom that role may not change. Absent where it shuts everybody. */
  readonly offBy?: "owner" | "admin" | "operator" | "developer" | "viewer" | "billing" | undefined;
  readonly active: boolean;
  readonly createdAt: string;
  readonly version: number;
}

export interface UsersChangeBody {
  /** Empty for none. */
  readonly team?: "" | string | undefined;
  /** What its holder may do. */
  readonly role?: "owner" | "admin" | "operator" | "developer" | "viewer" | "billing" | undefined;
  readonly active?: boolean | undefined;
}

export interface UsersCreateBody {
  readonly name: string;
  /** Empty for none. */
  readonly team?: "" | string | undefined;
  /** What its holder may do. */
  readonly role?: "owner" | "admin" | "operator" | "developer" | "viewer" | "billing" | undefined;
  /** An account that a program signs in with. */
  readonly service?: boolean | undefined;
}

export interface UsersListAnswer {
  readonly items: ReadonlyArray<User>;
  readonly next?: string | undefined;
}

class StatusApi {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** How the gateway is */
  show(options: CallOptions = {}): Promise<StatusShowAnswer> {
    return this.#connection.json({ method: 'GET', path: '/admin/api/v1/status' }, options);
  }
}

class UpstreamsApi {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The upstreams, and what is known of them */
  list(input: {
    /** What the page before gave as `next`. */
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): Promise<UpstreamsListAnswer> {
    return this.#connection.json({ method: 'GET', path: '/admin/api/v1/upstreams', query: { after: input.after, limit: input.limit } }, options);
  }

  /** The upstreams, and what is known of them: all of them, one after the other */
  async *each(input: {
    /** What the page before gave as `next`. */
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): AsyncGenerator<UpstreamsListAnswer['upstreams'][number], void, undefined> {
    let asked = input;
    for (;;) {
      const page = await this.list(asked, options);
      yield* page.upstreams;
      if (page.next === undefined) return;
      asked = { ...asked, after: page.next };
    }
  }

  /** Sets an upstream, as it would stand under `upstreams` in the configuration */
  put(input: {
    readonly name: string;
    /** Whether it is to be done although it shuts out whoever asks for it. */
    readonly force?: "" | "true" | "false" | undefined;
    readonly body: UpstreamsPutBody;
  }, options: ChangeOptions): Promise<ConfigApplyAnswer> {
    return this.#connection.json({ method: 'PUT', path: `/admin/api/v1/upstreams/${encodeURIComponent(input.name)}`, query: { force: input.force }, body: input.body ?? {} }, options);
  }

  /** Takes an upstream out of the configuration */
  remove(input: {
    readonly name: string;
    /** Whether it is to be done although it shuts out whoever asks for it. */
    readonly force?: "" | "true" | "false" | undefined;
  }, options: ChangeOptions): Promise<ConfigApplyAnswer> {
    return this.#connection.json({ method: 'DELETE', path: `/admin/api/v1/upstreams/${encodeURIComponent(input.name)}`, query: { force: input.force } }, options);
  }

  /** Sends nothing new to an upstream, and has its streams gone on with elsewhere where that can be */
  drain(input: {
    readonly name: string;
  }, options: CallOptions = {}): Promise<UpstreamsDrainAnswer> {
    return this.#connection.json({ method: 'POST', path: `/admin/api/v1/upstreams/${encodeURIComponent(input.name)}/drain` }, options);
  }

  /** Sends requests to a drained upstream again */
  resume(input: {
    readonly name: string;
  }, options: CallOptions = {}): Promise<UpstreamsDrainAnswer> {
    return this.#connection.json({ method: 'POST', path: `/admin/api/v1/upstreams/${encodeURIComponent(input.name)}/resume` }, options);
  }
}

class ModelsApi {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The models, and where they are served */
  list(input: {
    /** What the page before gave as `next`. */
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): Promise<ModelsListAnswer> {
    return this.#connection.json({ method: 'GET', path: '/admin/api/v1/models', query: { after: input.after, limit: input.limit } }, options);
  }

  /** The models, and where they are served: all of them, one after the other */
  async *each(input: {
    /** What the page before gave as `next`. */
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): AsyncGenerator<ModelsListAnswer['models'][number], void, undefined> {
    let asked = input;
    for (;;) {
      const page = await this.list(asked, options);
      yield* page.models;
      if (page.next === undefined) return;
      asked = { ...asked, after: page.next };
    }
  }

  /** What runs at this moment */
  running(options: CallOptions = {}): Promise<ModelsRunningAnswer> {
    return this.#connection.json({ method: 'GET', path: '/admin/api/v1/ps' }, options);
  }

  /** Sets a model, as it would stand under `models` in the configuration */
  put(input: {
    readonly name: string;
    /** Whether it is to be done although it shuts out whoever asks for it. */
    readonly force?: "" | "true" | "false" | undefined;
    readonly body: UpstreamsPutBody;
  }, options: ChangeOptions): Promise<ConfigApplyAnswer> {
    return this.#connection.json({ method: 'PUT', path: `/admin/api/v1/models/${encodeURIComponent(input.name)}`, query: { force: input.force }, body: input.body ?? {} }, options);
  }

  /** Takes a model out of the configuration */
  remove(input: {
    readonly name: string;
    /** Whether it is to be done although it shuts out whoever asks for it. */
    readonly force?: "" | "true" | "false" | undefined;
  }, options: ChangeOptions): Promise<ConfigApplyAnswer> {
    return this.#connection.json({ method: 'DELETE', path: `/admin/api/v1/models/${encodeURIComponent(input.name)}`, query: { force: input.force } }, options);
  }

  /** Loads a model into the memory of its servers, and waits until it is there */
  load(input: {
    readonly name: string;
    readonly body: ModelsLoadBody;
  }, options: CallOptions = {}): Promise<ModelsLoadAnswer> {
    return this.#connection.json({ method: 'POST', path: `/admin/api/v1/models/${encodeURIComponent(input.name)}/load`, body: input.body ?? {} }, options);
  }

  /** Takes a model out of the memory of its servers; who works with it ends first */
  unload(input: {
    readonly name: string;
    readonly body: ModelsLoadBody;
  }, options: CallOptions = {}): Promise<ModelsLoadAnswer> {
    return this.#connection.json({ method: 'POST', path: `/admin/api/v1/models/${encodeURIComponent(input.name)}/unload`, body: input.body ?? {} }, options);
  }
}

class QueueApi {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Who waits for a slot, where they stand, and how long it will most likely take */
  show(options: CallOptions = {}): Promise<QueueShowAnswer> {
    return this.#connection.json({ method: 'GET', path: '/admin/api/v1/queue' }, options);
  }
}

class ConfiguredKeysApi {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The keys that stand in no store: of the configuration, and the first one; never the keys themselves */
  list(input: {
    /** What the page before gave as `next`. */
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): Promise<ConfiguredKeysListAnswer> {
    return this.#connection.json({ method: 'GET', path: '/admin/api/v1/configured-keys', query: { after: input.after, limit: input.limit } }, options);
  }

  /** The keys that stand in no store: of the configuration, and the first one; never the keys themselves: all of them, one after the other */
  async *each(input: {
    /** What the page before gave as `next`. */
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): AsyncGenerator<ConfiguredKeysListAnswer['keys'][number], void, undefined> {
    let asked = input;
    for (;;) {
      const page = await this.list(asked, options);
      yield* page.keys;
      if (page.next === undefined) return;
      asked = { ...asked, after: page.next };
    }
  }
}

class ConfigApi {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The configuration in force, without its secrets; its ETag is what changes of it are meant for */
  show(options: CallOptions = {}): Promise<ConfigShowAnswer> {
    return this.#connection.json({ method: 'GET', path: '/admin/api/v1/config' }, options);
  }

  /** Puts another configuration in force on every gateway, and keeps it as a version */
  apply(input: {
    /** Whether it is to be done although it shuts out whoever asks for it. */
    readonly force?: "" | "true" | "false" | undefined;
    readonly body: ConfigApplyBody;
  }, options: ChangeOptions): Promise<ConfigApplyAnswer> {
    return this.#connection.json({ method: 'PUT', path: '/admin/api/v1/config', query: { force: input.force }, body: input.body ?? {} }, options);
  }

  /** Reads the configuration’s files again and takes them over */
  reload(options: CallOptions = {}): Promise<ConfigReloadAnswer> {
    return this.#connection.json({ method: 'POST', path: '/admin/api/v1/config/reload' }, options);
  }

  /** Says what a reload would do, without doing it */
  check(options: CallOptions = {}): Promise<ConfigReloadAnswer> {
    return this.#connection.json({ method: 'POST', path: '/admin/api/v1/config/check' }, options);
  }

  /** Says everything that is wrong with a configuration, each at its place, and changes nothing */
  validate(input: {
    readonly body: ConfigApplyBody;
  }, options: CallOptions = {}): Promise<ConfigValidateAnswer> {
    return this.#connection.json({ method: 'POST', path: '/admin/api/v1/config/validate', body: input.body ?? {} }, options);
  }

  /** Says what a configuration would change, and changes nothing */
  diff(input: {
    readonly body: ConfigApplyBody;
  }, options: CallOptions = {}): Promise<ConfigDiffAnswer> {
    return this.#connection.json({ method: 'POST', path: '/admin/api/v1/config/diff', body: input.body ?? {} }, options);
  }

  /** What was in force, the newest first, a page at a time */
  history(input: {
    /** Versions before this one; the newest first. */
    readonly before?: number | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): Promise<ConfigHistoryAnswer> {
    return this.#connection.json({ method: 'GET', path: '/admin/api/v1/config/history', query: { before: input.before, limit: input.limit } }, options);
  }

  /** What was in force, the newest first, a page at a time: all of them, one after the other */
  async *historyEach(input: {
    /** Versions before this one; the newest first. */
    readonly before?: number | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): AsyncGenerator<ConfigHistoryAnswer['items'][number], void, undefined> {
    let asked = input;
    for (;;) {
      const page = await this.history(asked, options);
      yield* page.items;
      if (page.next === undefined) return;
      asked = { ...asked, before: page.next };
    }
  }

  /** One version of the configuration, as it was written; without secrets */
  version(input: {
    readonly version: number;
  }, options: CallOptions = {}): Promise<ConfigVersionAnswer> {
    return this.#connection.json({ method: 'GET', path: `/admin/api/v1/config/history/${encodeURIComponent(input.version)}` }, options);
  }

  /** Puts an earlier version in force again, as a version of its own */
  rollback(input: {
    /** Whether it is to be done although it shuts out whoever asks for it. */
    readonly force?: "" | "true" | "false" | undefined;
    readonly body: ConfigRollbackBody;
  }, options: ChangeOptions): Promise<ConfigApplyAnswer> {
    return this.#connection.json({ method: 'POST', path: '/admin/api/v1/config/rollback', query: { force: input.force }, body: input.body ?? {} }, options);
  }
}

class PricesApi {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Sets the price of a model or server, as it would stand under `prices` in the configuration */
  put(input: {
    readonly name: string;
    /** Whether it is to be done although it shuts out whoever asks for it. */
    readonly force?: "" | "true" | "false" | undefined;
    readonly body: UpstreamsPutBody;
  }, options: ChangeOptions): Promise<ConfigApplyAnswer> {
    return this.#connection.json({ method: 'PUT', path: `/admin/api/v1/prices/${encodeURIComponent(input.name)}`, query: { force: input.force }, body: input.body ?? {} }, options);
  }

  /** Takes the price of a model or server out of the configuration */
  remove(input: {
    readonly name: string;
    /** Whether it is to be done although it shuts out whoever asks for it. */
    readonly force?: "" | "true" | "false" | undefined;
  }, options: ChangeOptions): Promise<ConfigApplyAnswer> {
    return this.#connection.json({ method: 'DELETE', path: `/admin/api/v1/prices/${encodeURIComponent(input.name)}`, query: { force: input.force } }, options);
  }

  /** The prices that the configuration names; the others are the catalogue’s */
  list(options: CallOptions = {}): Promise<PricesListAnswer> {
    return this.#connection.json({ method: 'GET', path: '/admin/api/v1/prices' }, options);
  }
}

class LimitsApi {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Sets all the limits, as they would stand under `limits` in the configuration */
  put(input: {
    /** Whether it is to be done although it shuts out whoever asks for it. */
    readonly force?: "" | "true" | "false" | undefined;
    readonly body: LimitsPutBody;
  }, options: ChangeOptions): Promise<ConfigApplyAnswer> {
    return this.#connection.json({ method: 'PUT', path: '/admin/api/v1/limits', query: { force: input.force }, body: input.body ?? {} }, options);
  }

  /** The limits, as they are written; those that hold where none are */
  list(options: CallOptions = {}): Promise<LimitsListAnswer> {
    return this.#connection.json({ method: 'GET', path: '/admin/api/v1/limits' }, options);
  }
}

class BudgetsApi {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Sets all the budgets, as they would stand under `budgets` in the configuration */
  put(input: {
    /** Whether it is to be done although it shuts out whoever asks for it. */
    readonly force?: "" | "true" | "false" | undefined;
    readonly body: LimitsPutBody;
  }, options: ChangeOptions): Promise<ConfigApplyAnswer> {
    return this.#connection.json({ method: 'PUT', path: '/admin/api/v1/budgets', query: { force: input.force }, body: input.body ?? {} }, options);
  }

  /** How far each budget is spent, of those that anybody has touched since its window began */
  list(input: {
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
    /** What the page before gave as `next`. */
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
    /** Whose it is, as an answer has it: `acme`, `acme/ann`; empty for everybody’s. */
    readonly holder?: string | undefined;
  } = {}, options: CallOptions = {}): Promise<BudgetsListAnswer> {
    return this.#connection.json({ method: 'GET', path: '/admin/api/v1/budgets', query: { tenant: input.tenant, after: input.after, limit: input.limit, holder: input.holder } }, options);
  }

  /** How far each budget is spent, of those that anybody has touched since its window began: all of them, one after the other */
  async *each(input: {
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
    /** What the page before gave as `next`. */
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
    /** Whose it is, as an answer has it: `acme`, `acme/ann`; empty for everybody’s. */
    readonly holder?: string | undefined;
  } = {}, options: CallOptions = {}): AsyncGenerator<BudgetsListAnswer['items'][number], void, undefined> {
    let asked = input;
    for (;;) {
      const page = await this.list(asked, options);
      yield* page.items;
      if (page.next === undefined) return;
      asked = { ...asked, after: page.next };
    }
  }
}

class UsageApi {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Sums by any dimension, from and to any day */
  sum(input: {
    readonly tenant?: string | undefined;
    readonly team?: string | undefined;
    readonly user?: string | undefined;
    readonly key?: string | undefined;
    readonly route?: string | undefined;
    readonly model?: string | undefined;
    readonly upstream?: string | undefined;
    /** As the upstream calls it. */
    readonly targetModel?: string | undefined;
    readonly outcome?: string | undefined;
    /** Of the failure; empty where there was none. */
    readonly code?: string | undefined;
    /** As the client was told. */
    readonly status?: string | undefined;
    readonly priceVersion?: string | undefined;
    readonly stream?: "true" | "false" | undefined;
    /** Who chose the target; empty where none was asked. */
    readonly policy?: string | undefined;
    /** Why it was this target; empty where none was asked. */
    readonly why?: "" | "only" | "policy" | "freed" | "tier" | "retry" | undefined;
    /** Of the target, where the first tier could not; else 0. */
    readonly tier?: string | undefined;
    /** How often the answer was gone on with elsewhere. */
    readonly carriedOn?: string | undefined;
    /** How many requests went in one call upstream; 0 where it went alone. */
    readonly batchedWith?: string | undefined;
    /** The exchange whose answer it was given; empty where it had one of its own. */
    readonly sharedFrom?: string | undefined;
    /** How many others were given its answer. */
    readonly sharedWith?: string | undefined;
    /** How it was served, as the upstream told it: `flex`, `priority`; empty for as usual. */
    readonly serviceTier?: string | undefined;
    /** What saved something; empty for nothing. */
    readonly savedBy?: "" | "cache" | "routing" | "self-hosting" | undefined;
    /** As YYYY-MM-DD, in UTC. */
    readonly from?: string | undefined;
    /** The last day, included. */
    readonly to?: string | undefined;
    readonly by?: string | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): Promise<UsageSumAnswer> {
    return this.#connection.json({ method: 'GET', path: '/admin/api/v1/usage', query: { tenant: input.tenant, team: input.team, user: input.user, key: input.key, route: input.route, model: input.model, upstream: input.upstream, targetModel: input.targetModel, outcome: input.outcome, code: input.code, status: input.status, priceVersion: input.priceVersion, stream: input.stream, policy: input.policy, why: input.why, tier: input.tier, carriedOn: input.carriedOn, batchedWith: input.batchedWith, sharedFrom: input.sharedFrom, sharedWith: input.sharedWith, serviceTier: input.serviceTier, savedBy: input.savedBy, from: input.from, to: input.to, by: input.by, limit: input.limit } }, options);
  }

  /** Sums by any dimension, from and to any day, as CSV */
  sumCsv(input: {
    readonly tenant?: string | undefined;
    readonly team?: string | undefined;
    readonly user?: string | undefined;
    readonly key?: string | undefined;
    readonly route?: string | undefined;
    readonly model?: string | undefined;
    readonly upstream?: string | undefined;
    /** As the upstream calls it. */
    readonly targetModel?: string | undefined;
    readonly outcome?: string | undefined;
    /** Of the failure; empty where there was none. */
    readonly code?: string | undefined;
    /** As the client was told. */
    readonly status?: string | undefined;
    readonly priceVersion?: string | undefined;
    readonly stream?: "true" | "false" | undefined;
    /** Who chose the target; empty where none was asked. */
    readonly policy?: string | undefined;
    /** Why it was this target; empty where none was asked. */
    readonly why?: "" | "only" | "policy" | "freed" | "tier" | "retry" | undefined;
    /** Of the target, where the first tier could not; else 0. */
    readonly tier?: string | undefined;
    /** How often the answer was gone on with elsewhere. */
    readonly carriedOn?: string | undefined;
    /** How many requests went in one call upstream; 0 where it went alone. */
    readonly batchedWith?: string | undefined;
    /** The exchange whose answer it was given; empty where it had one of its own. */
    readonly sharedFrom?: string | undefined;
    /** How many others were given its answer. */
    readonly sharedWith?: string | undefined;
    /** How it was served, as the upstream told it: `flex`, `priority`; empty for as usual. */
    readonly serviceTier?: string | undefined;
    /** What saved something; empty for nothing. */
    readonly savedBy?: "" | "cache" | "routing" | "self-hosting" | undefined;
    /** As YYYY-MM-DD, in UTC. */
    readonly from?: string | undefined;
    /** The last day, included. */
    readonly to?: string | undefined;
    readonly by?: string | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): Promise<string> {
    return this.#connection.text({ method: 'GET', path: '/admin/api/v1/usage', query: { tenant: input.tenant, team: input.team, user: input.user, key: input.key, route: input.route, model: input.model, upstream: input.upstream, targetModel: input.targetModel, outcome: input.outcome, code: input.code, status: input.status, priceVersion: input.priceVersion, stream: input.stream, policy: input.policy, why: input.why, tier: input.tier, carriedOn: input.carriedOn, batchedWith: input.batchedWith, sharedFrom: input.sharedFrom, sharedWith: input.sharedWith, serviceTier: input.serviceTier, savedBy: input.savedBy, from: input.from, to: input.to, by: input.by, limit: input.limit, format: 'csv' } }, options);
  }
}

class ExchangesApi {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The exchanges themselves, a page at a time */
  list(input: {
    readonly tenant?: string | undefined;
    readonly team?: string | undefined;
    readonly user?: string | undefined;
    readonly key?: string | undefined;
    readonly route?: string | undefined;
    readonly model?: string | undefined;
    readonly upstream?: string | undefined;
    /** As the upstream calls it. */
    readonly targetModel?: string | undefined;
    readonly outcome?: string | undefined;
    /** Of the failure; empty where there was none. */
    readonly code?: string | undefined;
    /** As the client was told. */
    readonly status?: string | undefined;
    readonly priceVersion?: string | undefined;
    readonly stream?: "true" | "false" | undefined;
    /** Who chose the target; empty where none was asked. */
    readonly policy?: string | undefined;
    /** Why it was this target; empty where none was asked. */
    readonly why?: "" | "only" | "policy" | "freed" | "tier" | "retry" | undefined;
    /** Of the target, where the first tier could not; else 0. */
    readonly tier?: string | undefined;
    /** How often the answer was gone on with elsewhere. */
    readonly carriedOn?: string | undefined;
    /** How many requests went in one call upstream; 0 where it went alone. */
    readonly batchedWith?: string | undefined;
    /** The exchange whose answer it was given; empty where it had one of its own. */
    readonly sharedFrom?: string | undefined;
    /** How many others were given its answer. */
    readonly sharedWith?: string | undefined;
    /** How it was served, as the upstream told it: `flex`, `priority`; empty for as usual. */
    readonly serviceTier?: string | undefined;
    /** What saved something; empty for nothing. */
    readonly savedBy?: "" | "cache" | "routing" | "self-hosting" | undefined;
    /** As YYYY-MM-DD, in UTC. */
    readonly from?: string | undefined;
    /** As YYYY-MM-DD, in UTC. */
    readonly to?: string | undefined;
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): Promise<ExchangesListAnswer> {
    return this.#connection.json({ method: 'GET', path: '/admin/api/v1/exchanges', query: { tenant: input.tenant, team: input.team, user: input.user, key: input.key, route: input.route, model: input.model, upstream: input.upstream, targetModel: input.targetModel, outcome: input.outcome, code: input.code, status: input.status, priceVersion: input.priceVersion, stream: input.stream, policy: input.policy, why: input.why, tier: input.tier, carriedOn: input.carriedOn, batchedWith: input.batchedWith, sharedFrom: input.sharedFrom, sharedWith: input.sharedWith, serviceTier: input.serviceTier, savedBy: input.savedBy, from: input.from, to: input.to, after: input.after, limit: input.limit } }, options);
  }

  /** The exchanges themselves, a page at a time, as CSV */
  listCsv(input: {
    readonly tenant?: string | undefined;
    readonly team?: string | undefined;
    readonly user?: string | undefined;
    readonly key?: string | undefined;
    readonly route?: string | undefined;
    readonly model?: string | undefined;
    readonly upstream?: string | undefined;
    /** As the upstream calls it. */
    readonly targetModel?: string | undefined;
    readonly outcome?: string | undefined;
    /** Of the failure; empty where there was none. */
    readonly code?: string | undefined;
    /** As the client was told. */
    readonly status?: string | undefined;
    readonly priceVersion?: string | undefined;
    readonly stream?: "true" | "false" | undefined;
    /** Who chose the target; empty where none was asked. */
    readonly policy?: string | undefined;
    /** Why it was this target; empty where none was asked. */
    readonly why?: "" | "only" | "policy" | "freed" | "tier" | "retry" | undefined;
    /** Of the target, where the first tier could not; else 0. */
    readonly tier?: string | undefined;
    /** How often the answer was gone on with elsewhere. */
    readonly carriedOn?: string | undefined;
    /** How many requests went in one call upstream; 0 where it went alone. */
    readonly batchedWith?: string | undefined;
    /** The exchange whose answer it was given; empty where it had one of its own. */
    readonly sharedFrom?: string | undefined;
    /** How many others were given its answer. */
    readonly sharedWith?: string | undefined;
    /** How it was served, as the upstream told it: `flex`, `priority`; empty for as usual. */
    readonly serviceTier?: string | undefined;
    /** What saved something; empty for nothing. */
    readonly savedBy?: "" | "cache" | "routing" | "self-hosting" | undefined;
    /** As YYYY-MM-DD, in UTC. */
    readonly from?: string | undefined;
    /** As YYYY-MM-DD, in UTC. */
    readonly to?: string | undefined;
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): Promise<string> {
    return this.#connection.text({ method: 'GET', path: '/admin/api/v1/exchanges', query: { tenant: input.tenant, team: input.team, user: input.user, key: input.key, route: input.route, model: input.model, upstream: input.upstream, targetModel: input.targetModel, outcome: input.outcome, code: input.code, status: input.status, priceVersion: input.priceVersion, stream: input.stream, policy: input.policy, why: input.why, tier: input.tier, carriedOn: input.carriedOn, batchedWith: input.batchedWith, sharedFrom: input.sharedFrom, sharedWith: input.sharedWith, serviceTier: input.serviceTier, savedBy: input.savedBy, from: input.from, to: input.to, after: input.after, limit: input.limit, format: 'csv' } }, options);
  }

  /** The exchanges themselves, a page at a time: all of them, one after the other */
  async *each(input: {
    readonly tenant?: string | undefined;
    readonly team?: string | undefined;
    readonly user?: string | undefined;
    readonly key?: string | undefined;
    readonly route?: string | undefined;
    readonly model?: string | undefined;
    readonly upstream?: string | undefined;
    /** As the upstream calls it. */
    readonly targetModel?: string | undefined;
    readonly outcome?: string | undefined;
    /** Of the failure; empty where there was none. */
    readonly code?: string | undefined;
    /** As the client was told. */
    readonly status?: string | undefined;
    readonly priceVersion?: string | undefined;
    readonly stream?: "true" | "false" | undefined;
    /** Who chose the target; empty where none was asked. */
    readonly policy?: string | undefined;
    /** Why it was this target; empty where none was asked. */
    readonly why?: "" | "only" | "policy" | "freed" | "tier" | "retry" | undefined;
    /** Of the target, where the first tier could not; else 0. */
    readonly tier?: string | undefined;
    /** How often the answer was gone on with elsewhere. */
    readonly carriedOn?: string | undefined;
    /** How many requests went in one call upstream; 0 where it went alone. */
    readonly batchedWith?: string | undefined;
    /** The exchange whose answer it was given; empty where it had one of its own. */
    readonly sharedFrom?: string | undefined;
    /** How many others were given its answer. */
    readonly sharedWith?: string | undefined;
    /** How it was served, as the upstream told it: `flex`, `priority`; empty for as usual. */
    readonly serviceTier?: string | undefined;
    /** What saved something; empty for nothing. */
    readonly savedBy?: "" | "cache" | "routing" | "self-hosting" | undefined;
    /** As YYYY-MM-DD, in UTC. */
    readonly from?: string | undefined;
    /** As YYYY-MM-DD, in UTC. */
    readonly to?: string | undefined;
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): AsyncGenerator<ExchangesListAnswer['exchanges'][number], void, undefined> {
    let asked = input;
    for (;;) {
      const page = await this.list(asked, options);
      yield* page.exchanges;
      if (page.next === undefined) return;
      asked = { ...asked, after: page.next };
    }
  }
}

class SavingsApi {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** What was saved against the premium model, by cache, routing and self-hosting */
  sum(input: {
    readonly tenant?: string | undefined;
    readonly team?: string | undefined;
    readonly user?: string | undefined;
    readonly key?: string | undefined;
    readonly route?: string | undefined;
    readonly model?: string | undefined;
    readonly upstream?: string | undefined;
    /** As the upstream calls it. */
    readonly targetModel?: string | undefined;
    readonly outcome?: string | undefined;
    /** As YYYY-MM-DD, in UTC. */
    readonly from?: string | undefined;
    /** The last day, included. */
    readonly to?: string | undefined;
    readonly by?: string | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): Promise<SavingsSumAnswer> {
    return this.#connection.json({ method: 'GET', path: '/admin/api/v1/savings', query: { tenant: input.tenant, team: input.team, user: input.user, key: input.key, route: input.route, model: input.model, upstream: input.upstream, targetModel: input.targetModel, outcome: input.outcome, from: input.from, to: input.to, by: input.by, limit: input.limit } }, options);
  }

  /** What was saved against the premium model, by cache, routing and self-hosting, as CSV */
  sumCsv(input: {
    readonly tenant?: string | undefined;
    readonly team?: string | undefined;
    readonly user?: string | undefined;
    readonly key?: string | undefined;
    readonly route?: string | undefined;
    readonly model?: string | undefined;
    readonly upstream?: string | undefined;
    /** As the upstream calls it. */
    readonly targetModel?: string | undefined;
    readonly outcome?: string | undefined;
    /** As YYYY-MM-DD, in UTC. */
    readonly from?: string | undefined;
    /** The last day, included. */
    readonly to?: string | undefined;
    readonly by?: string | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): Promise<string> {
    return this.#connection.text({ method: 'GET', path: '/admin/api/v1/savings', query: { tenant: input.tenant, team: input.team, user: input.user, key: input.key, route: input.route, model: input.model, upstream: input.upstream, targetModel: input.targetModel, outcome: input.outcome, from: input.from, to: input.to, by: input.by, limit: input.limit, format: 'csv' } }, options);
  }
}

class CostsApi {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** What everything truly cost, idle servers included; whether servers pay, and what is too large */
  show(input: {
    /** As YYYY-MM-DD, in UTC. */
    readonly from?: string | undefined;
    /** The last day, included; of today only what is over of it. */
    readonly to?: string | undefined;
    /** The model that servers are compared with; `prices.premium` unless given. */
    readonly against?: string | undefined;
  } = {}, options: CallOptions = {}): Promise<CostsShowAnswer> {
    return this.#connection.json({ method: 'GET', path: '/admin/api/v1/costs', query: { from: input.from, to: input.to, against: input.against } }, options);
  }

  /** What everything truly cost, idle servers included; whether servers pay, and what is too large, as CSV */
  showCsv(input: {
    /** As YYYY-MM-DD, in UTC. */
    readonly from?: string | undefined;
    /** The last day, included; of today only what is over of it. */
    readonly to?: string | undefined;
    /** The model that servers are compared with; `prices.premium` unless given. */
    readonly against?: string | undefined;
  } = {}, options: CallOptions = {}): Promise<string> {
    return this.#connection.text({ method: 'GET', path: '/admin/api/v1/costs', query: { from: input.from, to: input.to, against: input.against, format: 'csv' } }, options);
  }
}

class TenantsApi {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The tenants, a page at a time, in order of tenant and name */
  list(input: {
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
    /** What the page before gave as `next`. */
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): Promise<TenantsListAnswer> {
    return this.#connection.json({ method: 'GET', path: '/admin/api/v1/tenants', query: { tenant: input.tenant, after: input.after, limit: input.limit } }, options);
  }

  /** The tenants, a page at a time, in order of tenant and name: all of them, one after the other */
  async *each(input: {
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
    /** What the page before gave as `next`. */
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): AsyncGenerator<TenantsListAnswer['items'][number], void, undefined> {
    let asked = input;
    for (;;) {
      const page = await this.list(asked, options);
      yield* page.items;
      if (page.next === undefined) return;
      asked = { ...asked, after: page.next };
    }
  }

  /** Makes one of the tenants */
  create(input: {
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
    readonly body: TenantsCreateBody;
  }, options: CallOptions = {}): Promise<Tenant> {
    return this.#connection.json({ method: 'POST', path: '/admin/api/v1/tenants', query: { tenant: input.tenant }, body: input.body ?? {} }, options);
  }

  /** One of the tenants */
  show(input: {
    readonly name: string;
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
  }, options: CallOptions = {}): Promise<Tenant> {
    return this.#connection.json({ method: 'GET', path: `/admin/api/v1/tenants/${encodeURIComponent(input.name)}`, query: { tenant: input.tenant } }, options);
  }

  /** Changes what the body names; If-Match says of which version */
  change(input: {
    readonly name: string;
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
    readonly body: TenantsChangeBody;
  }, options: ChangeOptions): Promise<Tenant> {
    return this.#connection.json({ method: 'PATCH', path: `/admin/api/v1/tenants/${encodeURIComponent(input.name)}`, query: { tenant: input.tenant }, body: input.body ?? {} }, options);
  }

  /** Removes it, with all that belongs to it; If-Match may say of which version */
  remove(input: {
    readonly name: string;
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
  }, options: ChangeOptions = {}): Promise<void> {
    return this.#connection.json({ method: 'DELETE', path: `/admin/api/v1/tenants/${encodeURIComponent(input.name)}`, query: { tenant: input.tenant } }, options);
  }
}

class TeamsApi {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The teams, a page at a time, in order of tenant and name */
  list(input: {
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
    /** What the page before gave as `next`. */
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): Promise<TeamsListAnswer> {
    return this.#connection.json({ method: 'GET', path: '/admin/api/v1/teams', query: { tenant: input.tenant, after: input.after, limit: input.limit } }, options);
  }

  /** The teams, a page at a time, in order of tenant and name: all of them, one after the other */
  async *each(input: {
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
    /** What the page before gave as `next`. */
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): AsyncGenerator<TeamsListAnswer['items'][number], void, undefined> {
    let asked = input;
    for (;;) {
      const page = await this.list(asked, options);
      yield* page.items;
      if (page.next === undefined) return;
      asked = { ...asked, after: page.next };
    }
  }

  /** Makes one of the teams */
  create(input: {
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
    readonly body: TeamsCreateBody;
  }, options: CallOptions = {}): Promise<Team> {
    return this.#connection.json({ method: 'POST', path: '/admin/api/v1/teams', query: { tenant: input.tenant }, body: input.body ?? {} }, options);
  }

  /** One of the teams */
  show(input: {
    readonly name: string;
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
  }, options: CallOptions = {}): Promise<Team> {
    return this.#connection.json({ method: 'GET', path: `/admin/api/v1/teams/${encodeURIComponent(input.name)}`, query: { tenant: input.tenant } }, options);
  }

  /** Changes what the body names; If-Match says of which version */
  change(input: {
    readonly name: string;
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
    readonly body: TeamsChangeBody;
  }, options: ChangeOptions): Promise<Team> {
    return this.#connection.json({ method: 'PATCH', path: `/admin/api/v1/teams/${encodeURIComponent(input.name)}`, query: { tenant: input.tenant }, body: input.body ?? {} }, options);
  }

  /** Removes it, with all that belongs to it; If-Match may say of which version */
  remove(input: {
    readonly name: string;
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
  }, options: ChangeOptions = {}): Promise<void> {
    return this.#connection.json({ method: 'DELETE', path: `/admin/api/v1/teams/${encodeURIComponent(input.name)}`, query: { tenant: input.tenant } }, options);
  }
}

class UsersApi {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The users, a page at a time, in order of tenant and name */
  list(input: {
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
    /** What the page before gave as `next`. */
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): Promise<UsersListAnswer> {
    return this.#connection.json({ method: 'GET', path: '/admin/api/v1/users', query: { tenant: input.tenant, after: input.after, limit: input.limit } }, options);
  }

  /** The users, a page at a time, in order of tenant and name: all of them, one after the other */
  async *each(input: {
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
    /** What the page before gave as `next`. */
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): AsyncGenerator<UsersListAnswer['items'][number], void, undefined> {
    let asked = input;
    for (;;) {
      const page = await this.list(asked, options);
      yield* page.items;
      if (page.next === undefined) return;
      asked = { ...asked, after: page.next };
    }
  }

  /** Makes one of the users */
  create(input: {
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
    readonly body: UsersCreateBody;
  }, options: CallOptions = {}): Promise<User> {
    return this.#connection.json({ method: 'POST', path: '/admin/api/v1/users', query: { tenant: input.tenant }, body: input.body ?? {} }, options);
  }

  /** One of the users */
  show(input: {
    readonly name: string;
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
  }, options: CallOptions = {}): Promise<User> {
    return this.#connection.json({ method: 'GET', path: `/admin/api/v1/users/${encodeURIComponent(input.name)}`, query: { tenant: input.tenant } }, options);
  }

  /** Changes what the body names; If-Match says of which version */
  change(input: {
    readonly name: string;
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
    readonly body: UsersChangeBody;
  }, options: ChangeOptions): Promise<User> {
    return this.#connection.json({ method: 'PATCH', path: `/admin/api/v1/users/${encodeURIComponent(input.name)}`, query: { tenant: input.tenant }, body: input.body ?? {} }, options);
  }

  /** Removes it, with all that belongs to it; If-Match may say of which version */
  remove(input: {
    readonly name: string;
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
  }, options: ChangeOptions = {}): Promise<void> {
    return this.#connection.json({ method: 'DELETE', path: `/admin/api/v1/users/${encodeURIComponent(input.name)}`, query: { tenant: input.tenant } }, options);
  }
}

class KeysApi {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The keys in the store, a page at a time, in order of tenant and name */
  list(input: {
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
    /** What the page before gave as `next`. */
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): Promise<KeysListAnswer> {
    return this.#connection.json({ method: 'GET', path: '/admin/api/v1/keys', query: { tenant: input.tenant, after: input.after, limit: input.limit } }, options);
  }

  /** The keys in the store, a page at a time, in order of tenant and name: all of them, one after the other */
  async *each(input: {
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
    /** What the page before gave as `next`. */
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): AsyncGenerator<KeysListAnswer['items'][number], void, undefined> {
    let asked = input;
    for (;;) {
      const page = await this.list(asked, options);
      yield* page.items;
      if (page.next === undefined) return;
      asked = { ...asked, after: page.next };
    }
  }

  /** Makes a key, and tells it this once */
  create(input: {
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
    readonly body: KeysCreateBody;
  }, options: CallOptions = {}): Promise<KeysCreateAnswer> {
    return this.#connection.json({ method: 'POST', path: '/admin/api/v1/keys', query: { tenant: input.tenant }, body: input.body ?? {} }, options);
  }

  /** One of the keys; never the key itself */
  show(input: {
    readonly name: string;
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
  }, options: CallOptions = {}): Promise<Key> {
    return this.#connection.json({ method: 'GET', path: `/admin/api/v1/keys/${encodeURIComponent(input.name)}`, query: { tenant: input.tenant } }, options);
  }

  /** Changes what the body names; If-Match says of which version */
  change(input: {
    readonly name: string;
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
    readonly body: KeysChangeBody;
  }, options: ChangeOptions): Promise<Key> {
    return this.#connection.json({ method: 'PATCH', path: `/admin/api/v1/keys/${encodeURIComponent(input.name)}`, query: { tenant: input.tenant }, body: input.body ?? {} }, options);
  }

  /** Removes it, with all that belongs to it; If-Match may say of which version */
  remove(input: {
    readonly name: string;
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
  }, options: ChangeOptions = {}): Promise<void> {
    return this.#connection.json({ method: 'DELETE', path: `/admin/api/v1/keys/${encodeURIComponent(input.name)}`, query: { tenant: input.tenant } }, options);
  }

  /** Puts another key in its place, and tells it this once; the one before opens a while longer */
  rotate(input: {
    readonly name: string;
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
    readonly body?: KeysRotateBody;
  }, options: ChangeOptions = {}): Promise<KeysCreateAnswer> {
    return this.#connection.json({ method: 'POST', path: `/admin/api/v1/keys/${encodeURIComponent(input.name)}/rotate`, query: { tenant: input.tenant }, body: input.body ?? {} }, options);
  }
}

class AuditApi {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** What was changed and who signed in, the newest first, a page at a time */
  list(input: {
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
    /** Records before this number; from the newest on where it is absent. */
    readonly before?: number | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): Promise<AuditListAnswer> {
    return this.#connection.json({ method: 'GET', path: '/admin/api/v1/audit', query: { tenant: input.tenant, before: input.before, limit: input.limit } }, options);
  }

  /** What was changed and who signed in, the newest first, a page at a time: all of them, one after the other */
  async *each(input: {
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
    /** Records before this number; from the newest on where it is absent. */
    readonly before?: number | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): AsyncGenerator<AuditListAnswer['items'][number], void, undefined> {
    let asked = input;
    for (;;) {
      const page = await this.list(asked, options);
      yield* page.items;
      if (page.next === undefined) return;
      asked = { ...asked, before: page.next };
    }
  }

  /** Whether the records follow from one another, some thousands at a time */
  verify(input: {
    /** Of the record that is known already; 0 for the beginning. */
    readonly number?: number | undefined;
    /** Of the record that is known already. */
    readonly digest?: string | undefined;
  } = {}, options: CallOptions = {}): Promise<AuditVerifyAnswer> {
    return this.#connection.json({ method: 'GET', path: '/admin/api/v1/audit/verify', query: { number: input.number, digest: input.digest } }, options);
  }
}

class SessionApi {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Who the caller is, and what a session must send with changes */
  show(input: {
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
  } = {}, options: CallOptions = {}): Promise<SessionShowAnswer> {
    return this.#connection.json({ method: 'GET', path: '/admin/api/v1/session', query: { tenant: input.tenant } }, options);
  }

  /** Signs out */
  end(input: {
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
  } = {}, options: CallOptions = {}): Promise<void> {
    return this.#connection.json({ method: 'DELETE', path: '/admin/api/v1/session', query: { tenant: input.tenant } }, options);
  }
}

class SessionsApi {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Who is signed in to the console, a page at a time, in the order in which they began */
  list(input: {
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
    /** What the page before gave as `next`. */
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): Promise<SessionsListAnswer> {
    return this.#connection.json({ method: 'GET', path: '/admin/api/v1/sessions', query: { tenant: input.tenant, after: input.after, limit: input.limit } }, options);
  }

  /** Who is signed in to the console, a page at a time, in the order in which they began: all of them, one after the other */
  async *each(input: {
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
    /** What the page before gave as `next`. */
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): AsyncGenerator<SessionsListAnswer['items'][number], void, undefined> {
    let asked = input;
    for (;;) {
      const page = await this.list(asked, options);
      yield* page.items;
      if (page.next === undefined) return;
      asked = { ...asked, after: page.next };
    }
  }

  /** Signs somebody out, on every gateway that shares sessions with this one */
  end(input: {
    readonly id: string;
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
  }, options: CallOptions = {}): Promise<void> {
    return this.#connection.json({ method: 'DELETE', path: `/admin/api/v1/sessions/${encodeURIComponent(input.id)}`, query: { tenant: input.tenant } }, options);
  }
}

class AlertsApi {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Who is told when something is wrong, and what became of it */
  list(options: CallOptions = {}): Promise<AlertsListAnswer> {
    return this.#connection.json({ method: 'GET', path: '/admin/api/v1/alerts' }, options);
  }

  /** Sends a test to every receiver, and says what each of them answered */
  test(options: CallOptions = {}): Promise<AlertsTestAnswer> {
    return this.#connection.json({ method: 'POST', path: '/admin/api/v1/alerts/test' }, options);
  }
}

class SecretsApi {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The names of the secrets in the store, and when they were changed */
  list(input: {
    /** What the page before gave as `next`. */
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): Promise<SecretsListAnswer> {
    return this.#connection.json({ method: 'GET', path: '/admin/api/v1/secrets', query: { after: input.after, limit: input.limit } }, options);
  }

  /** The names of the secrets in the store, and when they were changed: all of them, one after the other */
  async *each(input: {
    /** What the page before gave as `next`. */
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
  } = {}, options: CallOptions = {}): AsyncGenerator<SecretsListAnswer['items'][number], void, undefined> {
    let asked = input;
    for (;;) {
      const page = await this.list(asked, options);
      yield* page.items;
      if (page.next === undefined) return;
      asked = { ...asked, after: page.next };
    }
  }

  /** Keeps a secret, sealed; `store:NAME` in the configuration refers to it */
  put(input: {
    readonly name: string;
    readonly body: SecretsPutBody;
  }, options: CallOptions = {}): Promise<Secret> {
    return this.#connection.json({ method: 'PUT', path: `/admin/api/v1/secrets/${encodeURIComponent(input.name)}`, body: input.body ?? {} }, options);
  }

  /** Removes a secret; a configuration that still refers to it is refused at its next reload */
  remove(input: {
    readonly name: string;
  }, options: CallOptions = {}): Promise<void> {
    return this.#connection.json({ method: 'DELETE', path: `/admin/api/v1/secrets/${encodeURIComponent(input.name)}` }, options);
  }

  /** Brings some of the data keys under the master key in use; again with `next` until there is none */
  rotate(input: {
    readonly body: SecretsRotateBody;
  }, options: CallOptions = {}): Promise<SecretsRotateAnswer> {
    return this.#connection.json({ method: 'POST', path: '/admin/api/v1/secrets/rotate', body: input.body ?? {} }, options);
  }
}

class PrivacyApi {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Everything that is kept of a user, or of a whole tenant, as one JSON text */
  export(input: {
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
    readonly body: PrivacyExportBody;
  }, options: CallOptions = {}): Promise<PrivacyExportAnswer> {
    return this.#connection.json({ method: 'POST', path: '/admin/api/v1/privacy/export', query: { tenant: input.tenant }, body: input.body ?? {} }, options);
  }

  /** Erases a user, or a whole tenant, and tells what remains, where and until when */
  erase(input: {
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
    readonly body: PrivacyExportBody;
  }, options: CallOptions = {}): Promise<PrivacyEraseAnswer> {
    return this.#connection.json({ method: 'POST', path: '/admin/api/v1/privacy/erase', query: { tenant: input.tenant }, body: input.body ?? {} }, options);
  }
}

class ContentsApi {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** What was asked and answered in an exchange, of tenants that have it kept; each look is audited */
  show(input: {
    readonly id: string;
    /** Whose things are meant. Only the people of the gateway may name another tenant than their own. */
    readonly tenant?: string | undefined;
  }, options: CallOptions = {}): Promise<ContentsShowAnswer> {
    return this.#connection.json({ method: 'GET', path: `/admin/api/v1/contents/${encodeURIComponent(input.id)}`, query: { tenant: input.tenant } }, options);
  }
}

/** The admin API of a gateway. */
export class MillraceAdmin {
  readonly #connection: Connection;
  readonly status: StatusApi;
  readonly upstreams: UpstreamsApi;
  readonly models: ModelsApi;
  readonly queue: QueueApi;
  readonly configuredKeys: ConfiguredKeysApi;
  readonly config: ConfigApi;
  readonly prices: PricesApi;
  readonly limits: LimitsApi;
  readonly budgets: BudgetsApi;
  readonly usage: UsageApi;
  readonly exchanges: ExchangesApi;
  readonly savings: SavingsApi;
  readonly costs: CostsApi;
  readonly tenants: TenantsApi;
  readonly teams: TeamsApi;
  readonly users: UsersApi;
  readonly keys: KeysApi;
  readonly audit: AuditApi;
  readonly session: SessionApi;
  readonly sessions: SessionsApi;
  readonly alerts: AlertsApi;
  readonly secrets: SecretsApi;
  readonly privacy: PrivacyApi;
  readonly contents: ContentsApi;

  constructor(options: ClientOptions) {
    const connection = new Connection(options);
    this.#connection = connection;
    this.status = new StatusApi(connection);
    this.upstreams = new UpstreamsApi(connection);
    this.models = new ModelsApi(connection);
    this.queue = new QueueApi(connection);
    this.configuredKeys = new ConfiguredKeysApi(connection);
    this.config = new ConfigApi(connection);
    this.prices = new PricesApi(connection);
    this.limits = new LimitsApi(connection);
    this.budgets = new BudgetsApi(connection);
    this.usage = new UsageApi(connection);
    this.exchanges = new ExchangesApi(connection);
    this.savings = new SavingsApi(connection);
    this.costs = new CostsApi(connection);
    this.tenants = new TenantsApi(connection);
    this.teams = new TeamsApi(connection);
    this.users = new UsersApi(connection);
    this.keys = new KeysApi(connection);
    this.audit = new AuditApi(connection);
    this.session = new SessionApi(connection);
    this.sessions = new SessionsApi(connection);
    this.alerts = new AlertsApi(connection);
    this.secrets = new SecretsApi(connection);
    this.privacy = new PrivacyApi(connection);
    this.contents = new ContentsApi(connection);
  }

  /** Whether it takes work */
  readyz(options: CallOptions = {}): Promise<ReadyzAnswer> {
    return this.#connection.json({ method: 'GET', path: '/readyz' }, options);
  }

  /** What the gateway stands on, and since when it is as it is */
  dependencies(options: CallOptions = {}): Promise<DependenciesAnswer> {
    return this.#connection.json({ method: 'GET', path: '/healthz/deps' }, options);
  }
}
