/**
 * Everything that is kept of somebody, as one JSON text in pieces: no more than a page of it is ever in memory. What a
 * digest, a key or a secret is made of is left out; what was sealed is opened.
 */
import type { AuditRecord } from '../core/audit.ts';
import type { DirectoryEntry, KeyEntry } from '../core/directory.ts';
import type { LedgerRow } from '../core/ledger.ts';
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
import type { Clock } from '../lib/clock.ts';
import { openContent } from './sealed-content.ts';

export interface ExportPlaces {
  readonly clock: Clock;
  readonly directory: Pick<Directory, 'find' | 'page'>;
  readonly ledger: Pick<Ledger, 'sum' | 'page'>;
  readonly contents: Pick<Contents, 'page'>;
  readonly sealers: Pick<Sealers, 'of'>;
  readonly conversations: Pick<Conversations, 'list'>;
  readonly replayFacts: ReplayFacts;
  readonly audit: Pick<Audit, 'page'>;
}

type Section = (places: ExportPlaces, owner: Owner) => AsyncIterable<object>;

const entriesAtOnce = 1_000;
const exchangesAtOnce = 1_000;
const daysMax = 100_000;
const replaysAtOnce = 500;
const recordsAtOnce = 500;
/** Each may be half a megabyte, and more once it is text. */
const contentsAtOnce = 20;

const sections: Readonly<Record<string, Section>> = {
  directory,
  exchanges,
  contents,
  conversations,
  replays,
  audit,
};

export async function* exportOwner(places: ExportPlaces, { tenant, user }: Owner): AsyncGenerator<string> {
  const at = new Date(places.clock.wall()).toISOString();
  yield `{"tenant":${JSON.stringify(tenant)},"user":${JSON.stringify(user)},"at":"${at}"`;
  for (const [name, section] of Object.entries(sections)) {
    yield `,\n"${name}":[`;
    let between = '\n';
    for await (const item of section(places, { tenant, user })) {
      yield `${between}${JSON.stringify(item)}`;
      between = ',\n';
    }
    yield ']';
  }
  yield '}\n';
}

async function* directory(places: ExportPlaces, owner: Owner): AsyncGenerator<object> {
  const entry = await places.directory.find({ kind: 'user', tenant: owner.tenant, name: owner.user });
  if (entry !== undefined) yield entry;
  for await (const key of keysOf(places, owner)) {
    const { digest, previousDigest, ...told } = key;
    yield told;
  }
}

async function* keysOf(places: ExportPlaces, { tenant, user }: Owner): AsyncGenerator<KeyEntry> {
  let after: { readonly tenant: string; readonly name: string } | undefined;
  for (;;) {
    const question = { kind: 'key', tenant, rowsMax: entriesAtOnce } as const;
    const page: readonly DirectoryEntry[] = await places.directory.page(
      after === undefined ? question : { ...question, after },
    );
    for (const entry of page) if (entry.kind === 'key' && entry.user === user) yield entry;
    after = page.at(-1);
    if (after === undefined || page.length < entriesAtOnce) return;
  }
}

/** By the days that have any: a tenant may have millions of rows, and somebody a few of them. */
async function* exchanges({ ledger }: ExportPlaces, { tenant, user }: Owner): AsyncGenerator<LedgerRow> {
  const where = { tenant, user };
  const always = { fromDay: '1970-01-01', toDay: '9999-12-31' };
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

async function* contents({ contents: kept, sealers }: ExportPlaces, owner: Owner): AsyncGenerator<object> {
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

async function* conversations(places: ExportPlaces, owner: Owner): AsyncGenerator<object> {
  let after: string | undefined;
  do {
    const page = await places.conversations.list(owner, after);
    yield* page.conversations;
    after = page.next;
  } while (after !== undefined);
}

async function* replays({ replayFacts }: ExportPlaces, owner: Owner): AsyncGenerator<object> {
  let after: string | undefined;
  for (;;) {
    const page = await replayFacts.page(owner, after, replaysAtOnce);
    yield* page;
    after = page.at(-1)?.key;
    if (after === undefined || page.length < replaysAtOnce) return;
  }
}

/** Records of what they did, and of what was done to them. */
async function* audit(places: ExportPlaces, owner: Owner): AsyncGenerator<AuditRecord> {
  const { tenant, user } = owner;
  const actors = new Set([user]);
  for await (const { name } of keysOf(places, owner)) actors.add(name);
  const objects = new Set([...actors].map((name) => `${tenant}/${name}`));
  let before: number | undefined;
  for (;;) {
    const question = { tenant, rowsMax: recordsAtOnce };
    const page = await places.audit.page(before === undefined ? question : { ...question, before });
    yield* page.filter((record) => actors.has(record.actor) || objects.has(record.object));
    before = page.at(-1)?.number;
    if (before === undefined || page.length < recordsAtOnce) return;
  }
}
