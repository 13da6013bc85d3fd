/** Verbs with several actions: the first word says which. */
import { type Given, UsageError } from './given.ts';
import type { Run } from './invocation.ts';

export type Actions<Act = Run> = Readonly<Record<string, Act>>;

/** Of one whose actions are runs of their own; without a word it lists, where there is something to list. */
export function runAction(verb: string, actions: Actions): Run {
  return (invocation, given) => findAction(verb, actions, given)(invocation, given);
}

export function findAction<Act>(
  verb: string,
  actions: Actions<Act>,
  { words: [said] }: Pick<Given, 'words'>,
): Act {
  const action = said ?? 'list';
  const act = Object.hasOwn(actions, action) ? actions[action] : undefined;
  if (act !== undefined) return act;
  const names = Object.keys(actions);
  const all = `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
  if (said === undefined) {
    throw new UsageError(
      `\`${verb}\` needs a word that says what to do: there are ${all}. \`millrace ${verb} --help\` shows each`,
    );
  }
  throw new UsageError(`\`${verb} ${action}\` is not known; there are ${all}`);
}
