/** Which targets would do, in the order to try them, and how long each phase may take. */
import type { Clocks, Parsed, Planned, Target } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';
import type { Stage } from '../core/stage.ts';

export interface ModelPlan {
  /** The name that clients and metrics see. */
  readonly name: string;
  readonly clocks: Clocks;
  /** Puts the targets in the order to try them. Called once an exchange. */
  order(): readonly Target[];
}

export interface ModelTable {
  /** The plan of a model by its configured name, as `upstream/model`, or as an upstream offers it. */
  find(name: string): ModelPlan | undefined;
  /** Names close to one that is not known, for the message. */
  similar(name: string): readonly string[];
  /** Upstreams that did not tell yet what they offer: a name that is not known may be theirs. */
  unheard(): readonly string[];
  readonly defaultModel: string | undefined;
}

export interface PlanOptions {
  readonly models: ModelTable;
}

const namesMax = 5;
const unheardRetryS = 5;
const nothingVisited: ReadonlySet<string> = new Set();

export function plan(options: PlanOptions): Stage<Parsed, Planned> {
  return (next) => (exchange) => {
    try {
      const { call, trail, route } = exchange;
      const found = findModel(options.models, call.model);
      const candidates = found.order();
      trail.model = found.name;
      if (candidates.length === 0) throw fail('no_upstream', `no upstream is configured for ${found.name}`);
      const clocks = route.totalMs === undefined ? found.clocks : lowered(found.clocks, route.totalMs);
      return next({ ...exchange, candidates, clocks, visited: nothingVisited });
    } catch (refusal) {
      return Promise.reject(refusal);
    }
  };
}

function findModel(models: ModelTable, asked: string): ModelPlan {
  const name = asked === '' ? models.defaultModel : asked;
  if (name === undefined) {
    throw fail('invalid_request', 'no model was named, and the gateway has no `defaultModel`', {
      param: 'model',
    });
  }
  const found = models.find(name);
  if (found !== undefined) return found;
  const unheard = models.unheard();
  const shown = name.slice(0, 200);
  if (unheard.length > 0) {
    const who = unheard.slice(0, namesMax).join(', ');
    throw fail('no_upstream', `the model "${shown}" is not known yet: ${who} did not tell what there is`, {
      retryAfterS: unheardRetryS,
    });
  }
  const similar = models.similar(name);
  const hint = similar.length === 0 ? '' : `; did you mean ${similar.join(' or ')}?`;
  throw fail('model_not_found', `the model "${shown}" does not exist here${hint}`, {
    param: 'model',
  });
}

function lowered(clocks: Clocks, totalMs: number): Clocks {
  return { ...clocks, totalMs: Math.min(clocks.totalMs, totalMs) };
}
