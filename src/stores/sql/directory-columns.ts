/** An entry of the directory as the database keeps it, and back. */
import type { Insertable, Selectable } from 'kysely';
import type {
  DirectoryDraft,
  DirectoryEntry,
  DirectoryKind,
  KeyScopes,
  TeamEntry,
  UserEntry,
} from '../../core/directory.ts';
import type { Role } from '../../core/exchange.ts';
import { fail } from '../../core/failure.ts';
import { name, userName } from '../../lib/options.ts';
import type { DirectoryTable } from './tables.ts';

export type DirectoryRow = Selectable<DirectoryTable>;

const digestCharsMax = 128;
const scopeItemsMax = 1_000;
const scopeItemCharsMax = 256;

/** Version and time are the directory's own, and still to come. */
export function toColumns(
  draft: DirectoryDraft,
): Omit<Insertable<DirectoryTable>, 'version' | 'created_at_ms'> {
  assertNamed(draft);
  const common = {
    ...noColumns,
    kind: draft.kind,
    tenant: draft.tenant,
    name: draft.name,
    active: draft.active ? 1 : 0,
  };
  switch (draft.kind) {
    case 'tenant':
      return {
        ...common,
        rest: JSON.stringify({ keepContentDays: whole(draft.keepContentDays, 'keepContentDays') }),
      };
    case 'team':
      return { ...common, rest: JSON.stringify({ offBy: draft.offBy }) };
    case 'user':
      return {
        ...common,
        team: draft.team,
        role: draft.role,
        rest: JSON.stringify({ service: draft.service, offBy: draft.offBy }),
      };
    case 'key':
      return {
        ...common,
        team: draft.team,
        user: draft.user,
        role: draft.role,
        digest: digestOf(draft.digest, 'digest'),
        previous_digest: draft.previousDigest === '' ? '' : digestOf(draft.previousDigest, 'previousDigest'),
        previous_until_ms: whole(draft.previousUntilMs, 'previousUntilMs'),
        expires_at_ms: whole(draft.expiresAtMs, 'expiresAtMs'),
        rest: JSON.stringify({ hint: draft.hint.slice(0, 16), scopes: checkedScopes(draft.scopes) }),
      };
  }
}

export function fromColumns(row: DirectoryRow): DirectoryEntry {
  const common = {
    tenant: row.tenant,
    name: row.name,
    version: row.version,
    createdAtMs: row.created_at_ms,
    active: row.active === 1,
  };
  // Only toColumns writes what follows, by kind.
  const role = row.role as Role;
  switch (row.kind as DirectoryKind) {
    case 'tenant': {
      const { keepContentDays } = JSON.parse(row.rest) as { keepContentDays: number };
      return { kind: 'tenant', ...common, keepContentDays };
    }
    case 'team':
      return { kind: 'team', ...common, ...(JSON.parse(row.rest) as Pick<TeamEntry, 'offBy'>) };
    case 'user': {
      const rest = JSON.parse(row.rest) as Pick<UserEntry, 'service' | 'offBy'>;
      return { kind: 'user', ...common, team: row.team, role, ...rest };
    }
    case 'key': {
      const { hint, scopes } = JSON.parse(row.rest) as { hint: string; scopes: KeyScopes };
      return {
        kind: 'key',
        ...common,
        team: row.team,
        user: row.user,
        role,
        digest: row.digest,
        hint,
        previousDigest: row.previous_digest,
        previousUntilMs: row.previous_until_ms,
        expiresAtMs: row.expires_at_ms,
        scopes,
      };
    }
  }
}

const noColumns = {
  team: '',
  user: '',
  role: '',
  digest: '',
  previous_digest: '',
  previous_until_ms: 0,
  expires_at_ms: 0,
  removed_at_ms: 0,
  rest: '{}',
};

function assertNamed({ kind, tenant, name: given }: DirectoryDraft): void {
  if (!name.safeParse(tenant).success)
    throw wrong('tenant', name.safeParse(tenant).error?.issues[0]?.message);
  if (kind === 'tenant') {
    if (given !== '') throw wrong('name', 'must be empty: a tenant is named by `tenant`');
    return;
  }
  const found = (kind === 'user' ? userName : name).safeParse(given);
  if (!found.success) throw wrong('name', found.error.issues[0]?.message);
}

function digestOf(text: string, param: string): string {
  if (text !== '' && text.length <= digestCharsMax) return text;
  throw wrong(param, `must be 1 to ${digestCharsMax} characters`);
}

function checkedScopes({ models, routes, addresses }: KeyScopes): KeyScopes {
  for (const [param, list] of Object.entries({ models, routes, addresses })) {
    if (list.length > scopeItemsMax) throw wrong(`scopes.${param}`, `has more than ${scopeItemsMax} items`);
    if (list.some((item) => item === '' || item.length > scopeItemCharsMax)) {
      throw wrong(`scopes.${param}`, `has an item that is not 1 to ${scopeItemCharsMax} characters`);
    }
  }
  return { models, routes, addresses };
}

function whole(value: number, param: string): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw wrong(param, 'must be a whole number of 0 or more');
}

function wrong(param: string, reason = 'is not right'): Error {
  return fail('invalid_request', `\`${param}\` ${reason}`, { param });
}
