/** Keys in the store: shown once when they are made or rotated, and never again. */
import type { z } from 'zod';
import type { Config } from '../config/schema.ts';
import type { DirectoryDraft, KeyEntry } from '../core/directory.ts';
import { fail } from '../core/failure.ts';
import type { Directory, KeyUses } from '../core/ports.ts';
import type { Digester } from '../identity/digester.ts';
import { assertExpiry, newKey, rotatedKey } from '../identity/key-rules.ts';
import type { Clock } from '../lib/clock.ts';
import type { AdminActor } from './actor.ts';
import {
  entryParams,
  keyChange,
  keyDraft,
  keyRotation,
  keyShape,
  madeKeyShape,
  pageOf,
  pageQuery,
} from './directory-shapes.ts';
import { matchedVersion, tagOf } from './entity-tag.ts';
import { keptFields, merged } from './entry-fields.ts';
import { type EntryPage, readEntryPage } from './entry-page.ts';
import {
  changingRoutes,
  type EntryChange,
  type EntryStep,
  findEntry,
  madeHeaders,
  objectOf,
  tenantAlone,
} from './entry-routes.ts';
import { assertGrants } from './grants.ts';
import { nextPage } from './next-page.ts';
import { type AdminCall, type AdminRoute, adminRoute, api } from './route.ts';
import { type NobodysNames, scopeWarnings } from './scope-warnings.ts';

export interface KeyRoutesOptions {
  readonly directory: Directory;
  readonly uses: KeyUses;
  readonly digester: () => Promise<Digester>;
  readonly clock: Clock;
  readonly nobodys: NobodysNames;
  /** Those of the configuration. */
  readonly configured: () => Config['keys'];
}

export function keyRoutes(options: KeyRoutesOptions): readonly AdminRoute[] {
  return [
    ...shownKeys(options),
    ...madeKeys(options),
    ...changingRoutes(options.directory, keyKind(options)),
  ];
}

type View = z.input<typeof keyShape>;

const none: EntryPage = { entries: [], next: undefined };

const example = {
  name: 'ci',
  draft: { name: 'ci', role: 'developer', scopes: { models: ['gemma'] } },
  change: { active: false },
};

function keyKind(options: KeyRoutesOptions): EntryChange<KeyEntry, View, z.output<typeof keyChange>> {
  const { clock, nobodys } = options;
  return {
    kind: 'key',
    plural: 'keys',
    read: 'keys:read',
    write: 'keys:write',
    gatewayOnly: false,
    shape: keyShape,
    change: keyChange,
    example,
    view: (entry) => withWarnings(viewKey(entry, undefined), nobodys),
    isVisible,
    changed: (entry, { expiresAt, ...change }) => {
      if (expiresAt === undefined) return merged(entry, change);
      const expiresAtMs = readTime(expiresAt);
      assertExpiry(expiresAtMs, clock.wall());
      return { ...merged(entry, change), expiresAtMs };
    },
    assertMay: async (call, step) => {
      await assertMay(options, call, step);
      return undefined;
    },
  };
}

function shownKeys(options: KeyRoutesOptions): readonly AdminRoute[] {
  const { directory, uses } = options;
  const common = { method: 'GET', permission: 'keys:read', scope: 'tenant', tag: 'keys' } as const;
  return [
    adminRoute({
      ...common,
      name: 'keys.list',
      path: `${api}/keys`,
      summary: 'The keys in the store, a page at a time, in order of tenant and name',
      query: pageQuery,
      answers: { 200: pageOf(keyShape) },
      example: { query: { limit: '50' } },
      handle: async (call) => {
        const { after, limit } = call.query;
        // Who is nobody in particular has none of his own: nobody else's have to be read for it.
        const isNobody = call.reach !== 'all' && call.actor.user === '';
        const page: EntryPage = isNobody
          ? none
          : await readEntryPage(directory, {
              kind: 'key',
              // Whoever sees his own alone finds them in his tenant: nobody else's have to be read.
              tenant: call.everyTenant && call.reach === 'all' ? undefined : call.tenant,
              user: call.reach === 'all' ? undefined : call.actor.user,
              after,
              limit,
              isVisible: (entry) => isVisible(call, entry as KeyEntry),
            });
        const items = await withUses(uses, page.entries as readonly KeyEntry[]);
        const { next } = page;
        return {
          status: 200,
          body: next === undefined ? { items } : { items, next },
          headers: nextPage(call.query, { after: next }),
        };
      },
    }),
    adminRoute({
      ...common,
      name: 'keys.show',
      path: `${api}/keys/:name`,
      summary: 'One of the keys; never the key itself',
      params: entryParams,
      query: tenantAlone,
      etag: true,
      answers: { 200: keyShape },
      example: { params: { name: example.name } },
      handle: async (call) => {
        const entry = await findEntry(directory, keyKind(options), call);
        const [body = viewKey(entry, undefined)] = await withUses(uses, [entry]);
        return { status: 200, body, headers: { etag: tagOf(entry) } };
      },
    }),
  ];
}

function madeKeys(options: KeyRoutesOptions): readonly AdminRoute[] {
  const { directory, digester, clock, nobodys } = options;
  const context = async () => {
    const { digest } = await digester();
    return { digest, nowMs: clock.wall() };
  };
  const common = { method: 'POST', permission: 'keys:write', scope: 'tenant', tag: 'keys' } as const;
  const made = (key: string, entry: KeyEntry) => ({
    ...withWarnings(viewKey(entry, undefined), nobodys),
    key,
  });
  return [
    adminRoute({
      ...common,
      name: 'keys.create',
      path: `${api}/keys`,
      summary: 'Makes a key, and tells it this once',
      query: tenantAlone,
      body: keyDraft,
      etag: true,
      answers: { 201: madeKeyShape },
      example: { body: example.draft },
      object: ({ tenant, body }) => objectOf('key', tenant, body.name),
      detail: ({ body: { name: _name, ...draft } }) => ({ draft }),
      handle: async (call) => {
        const { expiresAt, ...asked } = withOwner(call, call.body);
        const { key, draft } = newKey(
          { ...asked, tenant: call.tenant, expiresAtMs: readTime(expiresAt) },
          await context(),
        );
        await assertMay(options, call, { after: draft });
        const entry = (await directory.put(draft, 0)) as KeyEntry;
        return { status: 201, body: made(key, entry), headers: madeHeaders('keys', entry) };
      },
    }),
    adminRoute({
      ...common,
      name: 'keys.rotate',
      path: `${api}/keys/:name/rotate`,
      summary: 'Puts another key in its place, and tells it this once; the one before opens a while longer',
      params: entryParams,
      query: tenantAlone,
      body: keyRotation,
      ifMatch: 'optional',
      answers: { 200: madeKeyShape },
      example: { params: { name: example.name }, body: { overlapS: 3_600 } },
      object: ({ tenant, params }) => objectOf('key', tenant, params.name),
      detail: ({ body }) => ({ overlapS: body.overlapS }),
      handle: async (call) => {
        const before = await findEntry(directory, keyKind(options), call);
        matchedVersion(call.headers, before);
        await assertMay(options, call, { before, after: before });
        const { key, draft } = rotatedKey(before, call.body.overlapS * 1_000, await context());
        // Of two rotations at once one is told: else it would hand out a key that never opens.
        const entry = (await directory.put(draft, before.version)) as KeyEntry;
        return { status: 200, body: made(key, entry), headers: { etag: tagOf(entry) } };
      },
    }),
  ];
}

function isVisible({ actor, reach, tenant, everyTenant }: AdminCall, entry: KeyEntry): boolean {
  if (!everyTenant && entry.tenant !== tenant) return false;
  return reach === 'all' || (entry.user !== '' && entry.user === actor.user && entry.tenant === actor.tenant);
}

type Asked = z.output<typeof keyDraft>;

/** Whoever may have keys of his own alone makes them for himself. */
function withOwner({ actor, reach }: AdminCall, asked: Asked): Asked {
  if (reach === 'all') return asked;
  if (actor.user === '') {
    throw fail('forbidden', `"${actor.name}" is nobody’s in particular, and so has no keys of its own`);
  }
  return asked.user === '' ? { ...asked, user: actor.user, team: '' } : asked;
}

type KeyFacts = Pick<DirectoryDraft & { kind: 'key' }, 'tenant' | 'role' | 'user' | 'expiresAtMs'>;

async function assertMay(
  options: KeyRoutesOptions,
  { actor, reach }: AdminCall,
  step: EntryStep<KeyFacts>,
): Promise<void> {
  assertGrants(actor, step);
  if (actor.scopes !== undefined) {
    throw fail('forbidden', `"${actor.name}" is narrowed to its scopes, and a key that it made would not be`);
  }
  // In two tenants two may have one name.
  const isOwn = ({ tenant, user }: KeyFacts) => user === actor.user && tenant === actor.tenant;
  if (reach === 'own' && step.after !== undefined && !isOwn(step.after)) {
    throw fail('forbidden', `"${actor.name}" may make keys for "${actor.user}" of ${actor.tenant} alone`);
  }
  await assertEndsWith(options, actor, step);
}

/** A key that ends hands on no longer time than it has, to itself least of all. */
async function assertEndsWith(
  options: KeyRoutesOptions,
  actor: AdminActor,
  { before, after }: EntryStep<KeyFacts>,
): Promise<void> {
  if (actor.how !== 'key' || after === undefined || after.expiresAtMs === before?.expiresAtMs) return;
  const endMs = await endOf(options, actor);
  if (after.expiresAtMs !== 0 && after.expiresAtMs <= endMs) return;
  if (endMs === Number.POSITIVE_INFINITY) return;
  throw fail(
    'forbidden',
    `"${actor.name}" ends at ${writeTime(endMs)}, and no key that it makes or changes may last longer`,
  );
}

/** Where one of the store and one of the configuration have the same name, nobody knows which it was: the earlier end holds. */
async function endOf(
  { directory, configured }: KeyRoutesOptions,
  { tenant, name }: AdminActor,
): Promise<number> {
  const own = await directory.find({ kind: 'key', tenant, name });
  const fixed = configured().find((key) => key.name === name && key.tenant === tenant);
  const ends = [own?.kind === 'key' ? own.expiresAtMs : 0, readTime(fixed?.expiresAt ?? null)];
  return Math.min(...ends.filter((ms) => ms !== 0));
}

/** A tenant at a time, as they are kept. */
async function withUses(uses: KeyUses, entries: readonly KeyEntry[]): Promise<View[]> {
  const byTenant = Map.groupBy(entries, ({ tenant }) => tenant);
  const used = new Map<string, number>();
  for (const [tenant, keys] of byTenant) {
    const found = await uses.of(
      tenant,
      keys.map(({ name }) => name),
    );
    for (const { name, usedAtMs } of found) used.set(`${tenant}/${name}`, usedAtMs);
  }
  return entries.map((entry) => viewKey(entry, used.get(`${entry.tenant}/${entry.name}`)));
}

function viewKey(entry: KeyEntry, usedAtMs: number | undefined): View {
  const { tenant, name, team, user, role, hint, scopes } = entry;
  return {
    tenant,
    name,
    team,
    user,
    role,
    hint,
    scopes: {
      models: [...scopes.models],
      routes: [...scopes.routes],
      addresses: [...scopes.addresses],
    },
    expiresAt: writeTime(entry.expiresAtMs),
    previousUntil: writeTime(entry.previousUntilMs),
    lastUsedAt: writeTime(usedAtMs ?? 0),
    ...keptFields(entry),
  };
}

function withWarnings(view: View, nobodys: NobodysNames): View {
  const warnings = [...scopeWarnings(view.scopes, nobodys)];
  return warnings.length === 0 ? view : { ...view, warnings };
}

function readTime(text: string | null): number {
  return text === null ? 0 : Date.parse(text);
}

function writeTime(ms: number): string | null {
  return ms === 0 ? null : new Date(ms).toISOString();
}
