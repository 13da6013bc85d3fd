/** Which models a key is narrowed to. A name that is not in its list is as good as none: it is not even looked up. */
import type { Principal } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';

/** For listings: of the names, those that the caller may ask for. */
export function modelsInScope(principal: Principal, names: readonly string[]): readonly string[] {
  const models = principal.scopes?.models;
  return models === undefined ? names : names.filter((name) => models.has(name));
}

export function isModelInScope({ scopes }: Principal, name: string): boolean {
  return scopes?.models?.has(name) ?? true;
}

const namedMax = 5;
const nameCharsMax = 200;

export function assertModelInScope({ scopes, keyName }: Principal, name: string): void {
  const models = scopes?.models;
  if (models === undefined || models.has(name)) return;
  const few = [...models].slice(0, namedMax).join(', ');
  const more = models.size > namedMax ? ` and ${models.size - namedMax} more` : '';
  throw fail(
    'forbidden',
    `the key "${keyName}" is not for the model "${name.slice(0, nameCharsMax)}": it is for ${few}${more}`,
    { param: 'model' },
  );
}
