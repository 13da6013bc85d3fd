/** What an export has, a section at a time: of one owner, or of a tenant with everybody in it. */
import type { AuditRecord } from '../core/audit.ts';
import type { DirectoryEntry, DirectoryKind, KeyEntry } from '../core/directory.ts';
import { fail } from '../core/failure.ts';
import type { LedgerQuestion, LedgerRow } from '../core/ledger.ts';
import type {
  Audit,
  Contents,
  Conversations,
  Directory,
  Ledger,
  ReplayFacts,
  Sealers,
} from '../core/ports.ts';
import type { Owner } from '../core/subject.ts';
import { openContent } from './sealed-content.ts';

export interface KeptPlaces {
  readonly directory: Pick<Directory, 'find' | 'page'>;
  readonly ledger: Pick<Ledger, 'sum' | 'page'>;
  readonly contents: Pick<Contents, 'page'>;
  readonly sealers: Pick<Sealers, 'of'>;
  readonly conversations: Pick<Conversations, 'list'>;
  readonly replayFacts: ReplayFacts;
  readonly audit: Pick<Audit, 'page'>;
}

/** By their names, in the order in which they are written. */
export type Sections = Readonly<Record<string, AsyncIterable<object>>>;

const entriesAtOnce = 1_000;
const exchangesAtOnce = 1_000;
const daysMax = 100_000;
/** More people than these are not exported in one text, rather than some of them left out. */
const peopleMax = 100_000;
const replaysAtOnce = 500;
const recordsAtOnce = 500;
/** Each may be half a megabyte, and more once it is text. */
const contentsAtOnce = 20;

export function sectionsOfOwner(places: KeptPlaces, owner: Owner): Sections {
  return {
    directory: entriesOfOwner(places, owner),
    exchanges: exchanges(places, { tenant: owner.tenant, user: owner.user }),
    contents: contents(places, owner),
    conversations: conversations(places, owner),
    replays: replays(places, owner),
    audit: auditOfOwner(places, owner),
  };
}

/** What is sealed, or kept by its owner's name, says whose it is. */
export function sectionsOfTenant(places: KeptPlaces, tenant: string): Sections {
  const ofEach = (section: (places: KeptPlaces, owner: Owner) => AsyncIterable<object>) =>
    withUsers(places, tenant, section);
  return {
    directory: entriesOfTenant(places, tenant),
    exchanges: exchanges(places, { tenant }),
    contents: ofEach(contents),
    conversations: ofEach(conversations),
    replays: ofEach(replays),
    audit: auditRecords(places, tenant),
  };
}

async function* withUsers(
  places: KeptPlaces,
  tenant: string,
  section: (places: KeptPlaces, owner: Owner) => AsyncIterable<object>,
): AsyncGenerator<object> {
  for (const user of await usersOf(places, tenant)) {
    for await (const item of section(places, { tenant, user })) yield { user, ...item };
  }
}

/** Also those who are in no directory, as people whom a token names: the ledger knows who was ever there. */
async function usersOf(places: KeptPlaces, tenant: string): Promise<ReadonlySet<string>> {
  const question = { ...always, by: ['user'], where: { tenant }, rowsMax: peopleMax } as const;
  const sums = await places.ledger.sum(question);
  if (sums.length === peopleMax) {
    throw fail('invalid_request', `${tenant} has more than ${peopleMax} people: export them one by one`);
  }
  const users = new Set(['', ...sums.map(({ by }) => by.user ?? '')]);
  for await (const { name } of entries(places, { kind: 'user', tenant })) users.add(name);
  return users;
}

async function* entriesOfTenant(places: KeptPlaces, tenant: string): AsyncGenerator<object> {
  const itself = await places.directory.find({ kind: 'tenant', tenant, name: '' });
  if (itself !== undefined) yield itself;
  for (const kind of ['team', 'user', 'key'] as const) {
    for await (const entry of entries(places, { kind, tenant })) yield told(entry);
  }
}

async function* entriesOfOwner(places: KeptPlaces, owner: Owner): AsyncGenerator<object> {
  const entry = await places.directory.find({ kind: 'user', tenant: owner.tenant, name: owner.user });
  if (entry !== undefined) yield entry;
  for await (const key of keysOf(places, owner)) yield told(key);
}

/** What a key is known by is nobody's to have. */
function told(entry: DirectoryEntry): object {
  if (entry.kind !== 'key') return entry;
  const { digest, previousDigest, ...rest } = entry;
  return rest;
}

async function* keysOf(places: KeptPlaces, { tenant, user }: Owner): AsyncGenerator<KeyEntry> {
  for await (const entry of entries(places, { kind: 'key', tenant, user })) {
    if (entry.kind === 'key') yield entry;
  }
}

async function* entries(
  { directory }: KeptPlaces,
  which: { readonly kind: DirectoryKind; readonly tenant: string; readonly user?: string },
): AsyncGenerator<DirectoryEntry> {
  let after: { readonly tenant: string; readonly name: string } | undefined;
  for (;;) {
    const question = { ...which, rowsMax: entriesAtOnce };
    const page: readonly DirectoryEntry[] = await directory.page(
      after === undefined ? question : { ...question, after },
    );
    yield* page;
    after = page.at(-1);
    if (after === undefined || page.length < entriesAtOnce) return;
  }
}

const always = { fromDay: '1970-01-01', toDay: '9999-12-31' } as const;

/** By the days that have any: a tenant may have millions of rows, and somebody a few of them. */
async function* exchanges({ ledger }: KeptPlaces, where: LedgerQuestion['where']): AsyncGenerator<LedgerRow> {
  const sums = await ledger.sum({ ...always, by: ['day'], where, rowsMax: daysMax });
  for (const { by } of sums) {
    const fromDay = by.day ?? always.fromDay;
    let after: string | undefined;
    do {
      const question = { fromDay, toDay: dayAfter(fromDay), where, rowsMax: exchangesAtOnce };
      const page = await ledger.page(after === undefined ? question : { ...question, after });
      yield* page.rows;
      after = page.next;
    } while (after !== undefined);
  }
}

function dayAfter(day: string): string {
  return new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
}

async function* contents({ contents: kept, sealers }: KeptPlaces, owner: Owner): AsyncGenerator<object> {
  let after: string | undefined;
  for (;;) {
    const page = await kept.page(owner, after, contentsAtOnce);
    const sealer = page.length === 0 ? undefined : await sealers.of(owner.tenant, owner.user);
    for (const sealed of page) {
      const { id, atMs, expiresAtMs } = sealed;
      const said = sealer === undefined ? undefined : openContent(sealed, sealer);
      yield { id, atMs, expiresAtMs, ...(said ?? { unreadable: true }) };
    }
    after = page.at(-1)?.id;
    if (after === undefined || page.length < contentsAtOnce) return;
  }
}

async function* conversations(places: KeptPlaces, owner: Owner): AsyncGenerator<object> {
  let after: string | undefined;
  do {
    const page = await places.conversations.list(owner, after);
    yield* page.conversations;
    after = page.next;
  } while (after !== undefined);
}

async function* replays({ replayFacts }: KeptPlaces, owner: Owner): AsyncGenerator<object> {
  let after: string | undefined;
  for (;;) {
    const page = await replayFacts.page(owner, after, replaysAtOnce);
    yield* page;
    after = page.at(-1)?.key;
    if (after === undefined || page.length < replaysAtOnce) return;
  }
}

/** Records of what they did, and of what was done to them. */
async function* auditOfOwner(places: KeptPlaces, owner: Owner): AsyncGenerator<AuditRecord> {
  const { tenant, user } = owner;
  const actors = new Set([user]);
  for await (const { name } of keysOf(places, owner)) actors.add(name);
  const objects = new Set([...actors].map((name) => `${tenant}/${name}`));
  for await (const record of auditRecords(places, tenant)) {
    if (actors.has(record.actor) || objects.has(record.object)) yield record;
  }
}

async function* auditRecords({ audit }: KeptPlaces, tenant: string): AsyncGenerator<AuditRecord> {
  let before: number | undefined;
  for (;;) {
    const question = { tenant, rowsMax: recordsAtOnce };
    const page = await audit.page(before === undefined ? question : { ...question, before });
    yield* page;
    before = page.at(-1)?.number;
    if (before === undefined || page.length < recordsAtOnce) return;
  }
}
