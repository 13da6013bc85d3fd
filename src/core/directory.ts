/** Who there is: tenants, their teams, users and keys. One shape for all, so that one table and one port hold them. */
import type { Role } from './exchange.ts';

export const directoryKinds = ['tenant', 'team', 'user', 'key'] as const;
export type DirectoryKind = (typeof directoryKinds)[number];

/** Where an entry stands. A tenant's own name is the empty one. */
export interface DirectoryPlace {
  readonly kind: DirectoryKind;
  readonly tenant: string;
  readonly name: string;
}

interface Entry extends DirectoryPlace {
  /** Counts all changes of the directory: of two entries the later changed one has the higher. */
  readonly version: number;
  readonly createdAtMs: number;
  /** False where it was switched off. */
  readonly active: boolean;
}

export interface TenantEntry extends Entry {
  readonly kind: 'tenant';
  /** How long prompts and answers are kept; 0 for not at all. */
  readonly keepContentDays: number;
}

/** What people stand in, or are. */
interface SwitchedEntry extends Entry {
  /** Of one that is switched off: by whom, so that it shuts nobody whom he may not change. Absent where it shuts everybody. */
  readonly offBy?: Role | undefined;
}

export interface TeamEntry extends SwitchedEntry {
  readonly kind: 'team';
}

export interface UserEntry extends SwitchedEntry {
  readonly kind: 'user';
  /** Empty for none. */
  readonly team: string;
  readonly role: Role;
  /** An account that a program signs in with. */
  readonly service: boolean;
}

export interface KeyEntry extends Entry {
  readonly kind: 'key';
  /** Empty for none; a user's key follows the user's team. */
  readonly team: string;
  readonly user: string;
  readonly role: Role;
  /** HMAC of the whole key, in base64url: the key itself is kept nowhere. */
  readonly digest: string;
  /** Its last four characters, for people who have several. */
  readonly hint: string;
  /** Of the key before the last rotation, which opens until then; empty and 0 where there is none. */
  readonly previousDigest: string;
  readonly previousUntilMs: number;
  /** 0 for never. */
  readonly expiresAtMs: number;
  readonly scopes: KeyScopes;
}

/** Lists that are empty narrow nothing. */
export interface KeyScopes {
  readonly models: readonly string[];
  /** Names of routes: `openai.chat`. */
  readonly routes: readonly string[];
  /** Addresses and networks: `10.0.0.0/8`. */
  readonly addresses: readonly string[];
}

export type DirectoryEntry = TenantEntry | TeamEntry | UserEntry | KeyEntry;

/** An entry as it is to be: version and time are the directory's own. */
export type DirectoryDraft = DirectoryEntry extends infer Each
  ? Each extends DirectoryEntry
    ? Omit<Each, 'version' | 'createdAtMs'>
    : never
  : never;

export interface DirectoryQuestion {
  readonly kind: DirectoryKind;
  /** Of one tenant; of all where absent, which only the gateway's own people may ask. */
  readonly tenant?: string;
  /** Of keys: those of this user alone, by name in any tenant that is asked for. */
  readonly user?: string;
  /** After this one, in order of tenant and name. */
  readonly after?: { readonly tenant: string; readonly name: string };
  readonly rowsMax: number;
}

export interface DirectoryChanges {
  /** In order of their versions. */
  readonly entries: readonly DirectoryEntry[];
  /** What was taken out: told for two days, so that whoever follows learns of it. */
  readonly gone: readonly DirectoryPlace[];
  /** The version that whoever has taken these stands at. */
  readonly version: number;
  /** Whether there are more after these. */
  readonly more: boolean;
  /** Whether they come from a server that nothing can be changed on now: another may have taken its place and have more. */
  readonly mayBeBehind: boolean;
}

export interface KeyUse {
  readonly tenant: string;
  readonly name: string;
  readonly usedAtMs: number;
}
