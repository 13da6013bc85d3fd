/** What the scopes of a key name and nobody has: a model may come later, and so it is no error. */
import type { KeyScopes } from '../core/directory.ts';

export interface NobodysNames {
  readonly isNobodysModel: (name: string) => boolean;
  readonly isNobodysRoute: (name: string) => boolean;
}

/** Of either so many are named. */
const namedMax = 5;

export function scopeWarnings(
  { models, routes }: KeyScopes,
  { isNobodysModel, isNobodysRoute }: NobodysNames,
): readonly string[] {
  return [
    ...warningOf('model', models.filter(isNobodysModel)),
    ...warningOf('route', routes.filter(isNobodysRoute)),
  ];
}

function warningOf(what: string, names: readonly string[]): readonly string[] {
  if (names.length === 0) return [];
  const few = names.slice(0, namedMax).map((name) => `"${name}"`);
  const more = names.length > namedMax ? ` and of ${names.length - namedMax} more` : '';
  return [
    `there is no ${what} of the name ${few.join(', ')}${more}: until there is, its scope opens nothing`,
  ];
}
