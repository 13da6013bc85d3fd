/** The configuration: what is in force, what could be, and what was. */
import type { z } from 'zod';
import { changesBetween } from '../config/diff.ts';
import { hotTextOf } from '../config/hot-text-of.ts';
import { installChanges, type LoadedConfig } from '../config/load.ts';
import { ConfigError } from '../config/problem.ts';
import type { ConfigVersionFacts } from '../core/config-version.ts';
import { fail } from '../core/failure.ts';
import type { Reloaded } from '../wiring/reload.ts';
import { identityOf } from '../wiring/upstreams.ts';
import type { AdminActor } from './actor.ts';
import { applyChange, proposing, refuse, viewProblem } from './applying.ts';
import {
  appliedShape,
  configBodyBytesMax,
  configShape,
  diffShape,
  forceQuery,
  historyQuery,
  historyShape,
  refusedShape,
  rollbackBody,
  textBody,
  validatedShape,
  versionParams,
  versionTextShape,
} from './config-shapes.ts';
import { nextPage } from './next-page.ts';
import { type AdminRoute, adminRoute, api } from './route.ts';
import { reloadedShape } from './shapes.ts';
import type { Seen } from './views.ts';

const common = { scope: 'gateway', tag: 'configuration' } as const;
const writing = { ...common, permission: 'config:write' } as const;
const exampleText = 'limits:\n  - { per: key, requests: 600/min } # for all of them\n';

export function configRoutes(seen: Seen): readonly AdminRoute[] {
  return [...inForceRoutes(seen), ...proposedRoutes(seen), ...historyRoutes(seen)];
}

function inForceRoutes(seen: Seen): readonly AdminRoute[] {
  return [
    adminRoute({
      ...common,
      name: 'config.show',
      method: 'GET',
      path: `${api}/config`,
      permission: 'config:read',
      summary:
        'The configuration in force, without its secrets; its ETag is what changes of it are meant for',
      etag: true,
      answers: { 200: configShape },
      example: {},
      handle: async () => {
        // All of one moment: what takes long is only how it is written.
        const { text, ...view } = viewConfig(seen);
        return { status: 200, body: { ...view, ...(await text) }, headers: { etag: view.etag } };
      },
    }),
    adminRoute({
      ...writing,
      name: 'config.apply',
      method: 'PUT',
      path: `${api}/config`,
      summary: 'Puts another configuration in force on every gateway, and keeps it as a version',
      query: forceQuery,
      body: textBody,
      bodyBytesMax: configBodyBytesMax,
      ifMatch: 'required',
      answers: { 200: appliedShape, 422: refusedShape },
      example: { body: { text: exampleText } },
      handle: async (call) =>
        await applyChange(seen, call, { source: 'applied', note: '', text: () => call.body.text }),
    }),
    adminRoute({
      ...writing,
      name: 'config.reload',
      method: 'POST',
      path: `${api}/config/reload`,
      summary: 'Reads the configuration’s files again and takes them over',
      answers: { 200: reloadedShape, 422: reloadedShape },
      example: {},
      handle: async () => judged(await seen.reloader.reload('command')),
    }),
    adminRoute({
      ...writing,
      name: 'config.check',
      method: 'POST',
      path: `${api}/config/check`,
      summary: 'Says what a reload would do, without doing it',
      changes: false,
      answers: { 200: reloadedShape, 422: reloadedShape },
      example: {},
      handle: async () => judged(await seen.reloader.check()),
    }),
  ];
}

function proposedRoutes(seen: Seen): readonly AdminRoute[] {
  const { applied, reloader } = seen;
  const propose = (text: string, actor: AdminActor) => applied.propose(text, proposing(reloader, actor));
  const proposals = {
    ...writing,
    method: 'POST',
    changes: false,
    body: textBody,
    bodyBytesMax: configBodyBytesMax,
  } as const;
  return [
    adminRoute({
      ...proposals,
      name: 'config.validate',
      path: `${api}/config/validate`,
      summary: 'Says everything that is wrong with a configuration, each at its place, and changes nothing',
      answers: { 200: validatedShape },
      example: { body: { text: exampleText } },
      handle: async ({ actor, body }) => ({
        status: 200,
        body: await validated(() => propose(body.text, actor)),
      }),
    }),
    adminRoute({
      ...proposals,
      name: 'config.diff',
      path: `${api}/config/diff`,
      summary: 'Says what a configuration would change, and changes nothing',
      answers: { 200: diffShape, 422: refusedShape },
      example: { body: { text: exampleText } },
      handle: async ({ actor, body }) => {
        const proposed = await propose(body.text, actor).catch(refuse);
        return { status: 200, body: viewDiff(seen, proposed) };
      },
    }),
  ];
}

async function validated(propose: () => Promise<LoadedConfig>): Promise<z.input<typeof validatedShape>> {
  try {
    const { id: configId, warnings } = await propose();
    return { valid: true, configId, problems: [], warnings: [...warnings] };
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    return { valid: false, problems: thrown.problems.map(viewProblem), warnings: [] };
  }
}

function historyRoutes({ applied, gateway, reloader }: Seen): readonly AdminRoute[] {
  const { configVersions } = gateway.lasting.store;
  const find = async (number: number) => {
    const found = await configVersions.find(number);
    if (found !== undefined) return found;
    throw fail('not_found', `there is no version ${number} of the configuration`);
  };
  return [
    adminRoute({
      ...common,
      name: 'config.history',
      method: 'GET',
      path: `${api}/config/history`,
      permission: 'config:read',
      summary: 'What was in force, the newest first, a page at a time',
      query: historyQuery,
      answers: { 200: historyShape },
      example: { query: { limit: '20' } },
      handle: async ({ query }) => {
        const { before, limit } = query;
        const rows = await configVersions.page({
          rowsMax: limit + 1,
          ...(before === undefined ? {} : { before }),
        });
        const items = rows.slice(0, limit).map(viewVersion);
        const next = rows.length > limit ? items.at(-1)?.version : undefined;
        const body = next === undefined ? { items } : { items, next };
        return { status: 200, body, headers: nextPage(query, { before: next }) };
      },
    }),
    adminRoute({
      ...common,
      name: 'config.version',
      method: 'GET',
      path: `${api}/config/history/:version`,
      permission: 'config:read',
      summary: 'One version of the configuration, as it was written; without secrets',
      params: versionParams,
      answers: { 200: versionTextShape },
      example: { params: { version: '1' } },
      handle: async ({ params }) => {
        const found = await find(params.version);
        return { status: 200, body: { ...viewVersion(found), text: found.text } };
      },
    }),
    adminRoute({
      ...writing,
      name: 'config.rollback',
      method: 'POST',
      path: `${api}/config/rollback`,
      summary: 'Puts an earlier version in force again, as a version of its own',
      query: forceQuery,
      body: rollbackBody,
      ifMatch: 'required',
      answers: { 200: appliedShape, 422: refusedShape },
      example: { body: { version: 1 } },
      object: ({ body }) => String(body.version),
      handle: async (call) => {
        const { number, masked, fileDigest, text } = await find(call.body.version);
        if (masked && fileDigest !== reloader.loaded.half.fileDigest) {
          const why = 'the file on disk that had them written out has changed since';
          throw fail('conflict', `version ${number} holds secrets that are kept nowhere, and ${why}`);
        }
        return await applyChange({ applied, reloader }, call, {
          source: 'rollback',
          note: `rollback to ${number}`,
          text: () => text,
        });
      },
    }),
  ];
}

function viewConfig({ gateway, reloader, applied }: Seen) {
  const { id, config } = gateway.snapshot;
  const { loaded } = reloader;
  return {
    id,
    version: applied.version?.number ?? 0,
    etag: applied.tag,
    from: loaded.half.applied === undefined ? ('file' as const) : ('applied' as const),
    files: [...loaded.files],
    warnings: [...loaded.warnings],
    text: hotTextOf(loaded),
    // Secrets turn into `***` on their way through JSON.
    config: JSON.parse(JSON.stringify(config)) as Record<string, unknown>,
  };
}

function viewVersion({ number, atMs, by, source, note, masked }: ConfigVersionFacts) {
  return { version: number, at: new Date(atMs).toISOString(), by, source, note, masked };
}

function viewDiff({ reloader }: Seen, proposed: LoadedConfig): z.input<typeof diffShape> {
  const inForce = reloader.loaded;
  const { changes, more } = changesBetween(inForce, proposed);
  const [before, after] = [inForce, proposed].map(identitiesIn);
  return {
    configId: proposed.id,
    changes: [...changes],
    more,
    opened: namesBeyond(after, before),
    closed: namesBeyond(before, after),
    needsRestart: [...installChanges(proposed, inForce.config)],
  };
}

/** Names by identity. */
function identitiesIn({ config }: LoadedConfig): ReadonlyMap<string, string> {
  return new Map(Object.entries(config.upstreams).map(([name, each]) => [identityOf(name, each), name]));
}

function namesBeyond(
  some: ReadonlyMap<string, string> = new Map(),
  others: ReadonlyMap<string, string> = new Map(),
): string[] {
  return [...some].filter(([identity]) => !others.has(identity)).map(([, name]) => name);
}

function judged(reloaded: Reloaded) {
  const body = structuredClone(reloaded) as z.input<typeof reloadedShape>;
  return reloaded.outcome === 'refused' ? ({ status: 422, body } as const) : ({ status: 200, body } as const);
}
