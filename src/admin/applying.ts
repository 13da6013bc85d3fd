/** One way for every change of the configuration: looked at, allowed, kept as a version, taken over. */
import { basename } from 'node:path';
import type { z } from 'zod';
import { assertAllowed } from '../config/applied-rules.ts';
import { idOf, type LoadedConfig } from '../config/load.ts';
import { ConfigError, type Problem, proposedName } from '../config/problem.ts';
import type { ConfigVersionDraft } from '../core/config-version.ts';
import { fail } from '../core/failure.ts';
import { reachOf } from '../identity/permissions.ts';
import type { Proposing } from '../wiring/applied-config.ts';
import type { AdminActor } from './actor.ts';
import type { appliedShape } from './config-shapes.ts';
import { assertTag, requireMatch } from './entity-tag.ts';
import type { AdminCall } from './route.ts';
import type { Seen } from './views.ts';

export interface Change {
  readonly source: ConfigVersionDraft['source'];
  readonly note: string;
  readonly text: (before: string) => string | Promise<string>;
}

export async function applyChange(
  { applied, reloader }: Pick<Seen, 'applied' | 'reloader'>,
  call: AdminCall<unknown, { readonly force?: string | undefined }>,
  change: Change,
) {
  const { headers, actor, query } = call;
  requireMatch(headers);
  const isForced = query.force !== undefined && query.force !== 'false';
  const { version, reloaded } = await applied
    .change({
      ...change,
      by: actor.name,
      assertMatch: (tag) => assertTag(headers['if-match'] ?? '', tag),
      ...proposing(reloader, actor),
      assertMay: (proposed) => {
        if (!isForced) assertKeepsCaller(actor, proposed, reloader.loaded);
      },
    })
    .catch(refuse);
  const { configId, outcome } = reloaded;
  const warnings =
    outcome === 'refused' ? reloaded.problems.map(({ message }) => message) : reloaded.warnings;
  const body: z.input<typeof appliedShape> = {
    version: version.number,
    configId,
    outcome,
    warnings: [...warnings],
  };
  return { status: 200, body, headers: { etag: applied.tag } } as const;
}

/** Who may apply what, and whose addresses those in it are. */
export function proposing(
  { loaded: inForce }: Seen['reloader'],
  { role, scopes }: Pick<AdminActor, 'role' | 'scopes'>,
): Proposing {
  return {
    inspect: (proposed) => assertAllowed({ proposed, inForce, role, narrowed: scopes !== undefined }),
    vouches: role === 'owner',
  };
}

/** A configuration with problems is its sender's fault, and answered with all of them. */
export function refuse(thrown: unknown): never {
  if (!(thrown instanceof ConfigError)) throw thrown;
  const message = 'the configuration is refused for its `problems`, and the one in force stays';
  throw fail('invalid_request', message, { cause: thrown });
}

/** What was sent lies in no file. */
export function viewProblem(problem: Problem) {
  const isProposed = basename(problem.file) === proposedName;
  return isProposed ? { ...problem, file: proposedName } : { ...problem };
}

const force = 'add `?force` if that is meant';

/** Nobody takes away unawares what he came in by. The gateway's own token cannot be taken away. */
function assertKeepsCaller(actor: AdminActor, proposed: LoadedConfig, inForce: LoadedConfig): void {
  if (actor.how === 'token') return;
  const [before, after] = [inForce.config, proposed.config];
  if (before.identity.homeTenant !== after.identity.homeTenant) {
    throw fail('conflict', `"${actor.name}" would not belong to the tenant that runs the gateway: ${force}`);
  }
  const own = before.keys.find(({ name, tenant }) => name === actor.name && tenant === actor.tenant);
  if (actor.how === 'key' && own !== undefined) {
    const kept = after.keys.find(({ key }) => key.reveal() === own.key.reveal());
    const opensTheSame = idOf([kept?.scopes, kept?.expiresAt]) === idOf([own.scopes, own.expiresAt]);
    const isStillOwn = kept?.tenant === own.tenant && opensTheSame && after.auth !== 'jwt';
    const mayStill = isStillOwn && reachOf(kept.role, 'config:write') !== undefined;
    if (!mayStill) throw fail('conflict', `the key "${actor.name}" would not open this any more: ${force}`);
    return;
  }
  const waysIn = ({ auth, identity }: typeof before) => idOf([auth, { ...identity, homeTenant: '' }]);
  if (waysIn(before) === waysIn(after)) return;
  throw fail(
    'conflict',
    `"${actor.name}" may not get in by \`auth\` and \`identity\` as they would be: ${force}`,
  );
}
