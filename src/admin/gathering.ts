/** Rows about what each process knows for itself, asked of all workers where several serve. */
import type { Workers } from '../wiring/workers/workers.ts';
import type { AdminAnswer, AdminCall, AdminRoute, Gathered } from './route.ts';

/** Who probes waits for a second, and counts one hung worker of several as all of them where it is waited for. */
const probesMs = 800;
/** What is looked at is there; what is done, such as loading a model, may take its time. */
const looksMs = 5_000;
const doesMs = 900_000;

type Given = AdminAnswer<AdminRoute['answers']>;

/** The rows as the primary answers them. */
export function gathering(
  rows: readonly AdminRoute[],
  workers: Pick<Workers, 'askRow'> | undefined,
): readonly AdminRoute[] {
  if (workers === undefined) return rows;
  return rows.map((row) => {
    const { gather, handle, name } = row;
    if (gather === undefined) return row;
    return {
      ...row,
      handle: async (call) => {
        const told = await workers.askRow(name, admitted(call), waitMsOf(row));
        // Both processes run the same rows: an answer is what the row of this name gives.
        const answers = told.map(({ worker, answer }) => ({ worker, answer: answer as Given }));
        return await gather({ query: call.query, own: async () => await handle(call), answers });
      },
    };
  });
}

function waitMsOf({ method, tag }: AdminRoute): number {
  if (tag === 'probes') return probesMs;
  return method === 'GET' ? looksMs : doesMs;
}

/** What the actor's key is narrowed to has been looked at, and is in part a function: such things do not travel. */
function admitted(call: AdminCall): AdminCall {
  const { scopes: _looked, ...actor } = call.actor;
  return { ...call, actor };
}

/** What the workers said, where all say it in the same form. */
export function bodiesOf<Body>({
  answers,
}: Pick<Gathered<{ body: Body } | { status: number }>, 'answers'>): readonly Body[] {
  return answers.flatMap(({ answer }) => ('body' in answer ? [answer.body] : []));
}

export function sumOf<Item>(items: readonly Item[], count: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + count(item), 0);
}
