/** Which targets would do, who chooses among them, and how long each phase may take. */
import type { Clocks, Fallback, Parsed, Planned, Principal, Target } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';
import type { Policy } from '../core/fleet.ts';
import type { Stage } from '../core/stage.ts';
import { assertModelInScope, isModelInScope } from '../identity/model-scope.ts';
import { readDeadlineMs } from './wishes.ts';

export interface ModelPlan {
  /** The name that clients and metrics see. */
  readonly name: string;
  readonly clocks: Clocks;
  /** Tiers in their order. */
  readonly targets: readonly Target[];
  /** Chooses among those of them that have a slot free. */
  readonly policy: Policy;
  /** Asked when none of the targets can. */
  readonly fallbacks: readonly Fallback[];
}

export interface ModelTable {
  /** The plan of a model by its configured name, as `upstream/model`, or as an upstream offers it. Throws why there is none. */
  require(name: string): ModelPlan;
  readonly defaultModel: string | undefined;
}

export interface PlanOptions {
  readonly models: ModelTable;
}

const nothingVisited: ReadonlySet<string> = new Set();

export function plan(options: PlanOptions): Stage<Parsed, Planned> {
  return (next) => (exchange) => {
    try {
      const { call, trail, route, principal } = exchange;
      const found = findModel(options.models, call.model, principal);
      const { targets: candidates, policy } = found;
      const fallbacks = fallbacksFor(exchange, found);
      trail.model = found.name;
      if (candidates.length === 0) throw fail('no_upstream', `no upstream is configured for ${found.name}`);
      const leftMs = readDeadlineMs(exchange.incoming.headers);
      const sharedClocks = lowered(found.clocks, route.totalMs);
      const clocks = lowered(sharedClocks, leftMs);
      const deadlineMs = leftMs === undefined ? undefined : trail.startedMs + leftMs;
      return next({
        ...exchange,
        candidates,
        policy,
        clocks,
        sharedClocks,
        deadlineMs,
        visited: nothingVisited,
        fallbacks,
      });
    } catch (refusal) {
      return Promise.reject(refusal);
    }
  };
}

function findModel(models: ModelTable, asked: string, principal: Principal): ModelPlan {
  const name = asked === '' ? models.defaultModel : asked;
  if (name === undefined) {
    throw fail('invalid_request', 'no model was named, and the gateway has no `defaultModel`', {
      param: 'model',
    });
  }
  assertModelInScope(principal, name);
  return models.require(name);
}

/** Vectors of one model are of no use beside those of another; and nobody gets a model that their key is not for. */
function fallbacksFor({ call, principal }: Parsed, { fallbacks }: ModelPlan): readonly Fallback[] {
  if (fallbacks.length === 0) return fallbacks;
  return call.kind === 'embed' ? [] : fallbacks.filter(({ name }) => isModelInScope(principal, name));
}

function lowered(clocks: Clocks, totalMs: number | undefined): Clocks {
  return totalMs === undefined || totalMs >= clocks.totalMs ? clocks : { ...clocks, totalMs };
}
