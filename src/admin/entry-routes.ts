/** The routes that every kind of entry of the directory has: list, show, create, change, remove. */
import { z } from 'zod';
import type { Json, JsonObject } from '../core/call.ts';
import type { DirectoryEntry, DirectoryPlace } from '../core/directory.ts';
import { Failure, fail } from '../core/failure.ts';
import type { Directory } from '../core/ports.ts';
import type { AdminPermission } from '../identity/permissions.ts';
import type { AdminActor } from './actor.ts';
import { entryParams, pageOf, pageQuery } from './directory-shapes.ts';
import { changedSince, matchedVersion, requireMatch, tagOf } from './entity-tag.ts';
import { readEntryPage } from './entry-page.ts';
import { nextPage } from './next-page.ts';
import { type AdminCall, type AdminRoute, adminRoute, api, tenantQuery } from './route.ts';
import { type Check, writeAsChecked } from './write-as-checked.ts';

/** What differs from kind to kind: how one is shown, */
export interface EntryView<Entry extends DirectoryEntry, View> {
  readonly kind: Entry['kind'];
  /** As in the path: `users`. */
  readonly plural: string;
  readonly read: AdminPermission;
  readonly write: AdminPermission;
  /** Whether only the people of the gateway may make and remove one. */
  readonly gatewayOnly: boolean;
  readonly shape: z.ZodType<unknown, View>;
  readonly example: { readonly name: string; readonly draft: JsonObject; readonly change: JsonObject };
  view(entry: Entry): View;
  isVisible(call: AdminCall, entry: Entry): boolean;
  /**
   * Throws why this caller may not make the one of the other; one is absent where it is new, the other where it goes. Gives
   * the version of the directory at which others were looked at for it, if they were: only at that one is it true.
   */
  assertMay(call: AdminCall, step: EntryStep<Entry>): Promise<number | undefined> | undefined;
}

/** and how it is changed, */
export interface EntryChange<Entry extends DirectoryEntry, View, Change> extends EntryView<Entry, View> {
  readonly change: z.ZodType<Change>;
  changed(entry: Entry, change: Change, actor: AdminActor): Entry;
}

/** and how it is made of what a caller sends. */
export interface EntryDraft<Entry extends DirectoryEntry, View, Draft> extends EntryView<Entry, View> {
  readonly draft: z.ZodType<Draft>;
  made(tenant: string, draft: Draft): Entry;
}

export interface EntryStep<Entry> {
  readonly before?: Entry;
  readonly after?: Entry;
}

export function readingRoutes<Entry extends DirectoryEntry, View>(
  directory: Directory,
  kind: EntryView<Entry, View>,
): readonly AdminRoute[] {
  const { plural, shape, read } = kind;
  const common = { method: 'GET', permission: read, scope: 'tenant', tag: plural } as const;
  return [
    adminRoute({
      ...common,
      name: `${plural}.list`,
      path: `${api}/${plural}`,
      summary: `The ${plural}, a page at a time, in order of tenant and name`,
      query: pageQuery,
      answers: { 200: pageOf(shape) },
      example: { query: { limit: '50' } },
      handle: async (call) => {
        const page = await readEntryPage(directory, {
          kind: kind.kind,
          tenant: call.everyTenant ? undefined : call.tenant,
          after: call.query.after,
          limit: call.query.limit,
          isVisible: (entry) => kind.isVisible(call, entry as Entry),
        });
        const { next } = page;
        const items = page.entries.map((entry) => kind.view(entry as Entry));
        return {
          status: 200,
          body: next === undefined ? { items } : { items, next },
          headers: nextPage(call.query, { after: next }),
        };
      },
    }),
    adminRoute({
      ...common,
      name: `${plural}.show`,
      path: `${api}/${plural}/:name`,
      summary: `One of the ${plural}`,
      params: entryParams,
      query: tenantAlone,
      etag: true,
      answers: { 200: shape },
      example: { params: { name: kind.example.name } },
      handle: async (call) => {
        const entry = await findEntry(directory, kind, call);
        return { status: 200, body: kind.view(entry), headers: { etag: tagOf(entry) } };
      },
    }),
  ];
}

export function changingRoutes<Entry extends DirectoryEntry, View, Change>(
  directory: Directory,
  kind: EntryChange<Entry, View, Change>,
): readonly AdminRoute[] {
  const { plural, shape, write, change, gatewayOnly } = kind;
  const common = {
    path: `${api}/${plural}/:name`,
    params: entryParams,
    query: tenantAlone,
    permission: write,
    tag: plural,
  } as const;
  return [
    adminRoute({
      ...common,
      name: `${plural}.change`,
      method: 'PATCH',
      scope: 'tenant',
      summary: 'Changes what the body names; If-Match says of which version',
      body: change,
      ifMatch: 'required',
      answers: { 200: shape },
      example: { params: { name: kind.example.name }, body: kind.example.change },
      object: ({ tenant, params }) => objectOf(kind.kind, tenant, params.name),
      detail: ({ body }) => ({ change: jsonOf(body) }),
      handle: async (call) => {
        requireMatch(call.headers);
        const before = await findEntry(directory, kind, call);
        const version = matchedVersion(call.headers, before);
        const after = kind.changed(before, call.body, call.actor);
        const check = () => kind.assertMay(call, { before, after });
        const entry = await replaceEntry(directory, after, { seen: before.version, asked: version, check });
        return { status: 200, body: kind.view(entry), headers: { etag: tagOf(entry) } };
      },
    }),
    adminRoute({
      ...common,
      name: `${plural}.remove`,
      method: 'DELETE',
      scope: gatewayOnly === true ? 'gateway' : 'tenant',
      summary: 'Removes it, with all that belongs to it; If-Match may say of which version',
      ifMatch: 'optional',
      answers: { 204: z.undefined() },
      example: { params: { name: kind.example.name } },
      object: ({ tenant, params }) => objectOf(kind.kind, tenant, params.name),
      handle: async (call) => {
        const before = await findEntry(directory, kind, call);
        matchedVersion(call.headers, before);
        const check = () => kind.assertMay(call, { before });
        // Of what was looked at, and nothing that it has become since.
        await writeAsChecked(check, (ifDirectory) => directory.remove(before, before.version, ifDirectory));
        return { status: 204, body: undefined };
      },
    }),
  ];
}

/** For kinds that need nothing but their draft. */
export function creatingRoute<Entry extends DirectoryEntry, View, Draft extends { readonly name: string }>(
  directory: Directory,
  kind: EntryDraft<Entry, View, Draft>,
): AdminRoute {
  const { plural, shape, write, draft, gatewayOnly } = kind;
  return adminRoute({
    name: `${plural}.create`,
    method: 'POST',
    path: `${api}/${plural}`,
    permission: write,
    scope: gatewayOnly === true ? 'gateway' : 'tenant',
    tag: plural,
    summary: `Makes one of the ${plural}`,
    query: tenantAlone,
    body: draft,
    etag: true,
    answers: { 201: shape },
    example: { body: kind.example.draft },
    object: ({ tenant, body }) => objectOf(kind.kind, tenant, body.name),
    detail: ({ body }) => ({ draft: jsonOf(body) }),
    handle: async (call) => {
      const after = kind.made(call.tenant, call.body);
      await kind.assertMay(call, { after });
      const entry = await makeEntry(directory, after);
      return { status: 201, body: kind.view(entry), headers: madeHeaders(plural, entry) };
    },
  });
}

export async function findEntry<Entry extends DirectoryEntry>(
  directory: Directory,
  kind: Pick<EntryView<Entry, never>, 'kind' | 'isVisible'>,
  call: AdminCall<z.output<typeof entryParams>>,
): Promise<Entry> {
  const { name } = call.params;
  // To whom it is not to be seen it is not there: neither another tenant's nor another one's own (API1).
  const found = (await directory.find(placeOf(kind.kind, call.tenant, name))) as Entry | undefined;
  if (found !== undefined && kind.isVisible(call, found)) return found;
  const where = kind.kind === 'tenant' ? '' : ` in the tenant "${call.tenant}"`;
  throw fail('not_found', `there is no ${kind.kind} of the name "${name}"${where}`);
}

/** `version` and `createdAtMs` are the directory's own: what stands there is not read. */
export async function makeEntry<Entry extends DirectoryEntry>(
  directory: Directory,
  entry: Entry,
): Promise<Entry> {
  return (await directory.put(entry, 0)) as Entry;
}

/**
 * In place of the version that was looked at, whichever was asked for: of another one nobody knows whether this caller may
 * change it, and one that was removed meanwhile must not come back.
 */
async function replaceEntry<Entry extends DirectoryEntry>(
  directory: Directory,
  entry: Entry,
  { seen, asked, check }: Replaced,
): Promise<Entry> {
  const put = (ifDirectory: number | undefined) => directory.put(entry, seen, ifDirectory);
  const written = await writeAsChecked(check, put).catch((thrown: unknown) => {
    if (asked !== undefined && thrown instanceof Failure && thrown.code === 'conflict')
      throw changedSince(thrown);
    throw thrown;
  });
  return written as Entry;
}

interface Replaced {
  readonly seen: number;
  readonly asked: number | undefined;
  readonly check: Check;
}

export function madeHeaders(plural: string, entry: DirectoryEntry): Readonly<Record<string, string>> {
  const whose = entry.kind === 'tenant' ? '' : `?tenant=${encodeURIComponent(entry.tenant)}`;
  return { etag: tagOf(entry), location: `${api}/${plural}/${encodeURIComponent(entry.name)}${whose}` };
}

/** As the audit log has it. */
export function objectOf(kind: DirectoryEntry['kind'], tenant: string, name: string): string {
  return kind === 'tenant' ? name : `${tenant}/${name}`;
}

export const tenantAlone = z.strictObject(tenantQuery);

/** A tenant stands at the root: its own name is where the others have their tenant's. */
function placeOf(kind: DirectoryEntry['kind'], tenant: string, name: string): DirectoryPlace {
  return kind === 'tenant' ? { kind, tenant: name, name: '' } : { kind, tenant, name };
}

/** What was read from JSON is JSON. */
function jsonOf(body: unknown): Json {
  return JSON.parse(JSON.stringify(body)) as Json;
}
