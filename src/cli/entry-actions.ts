/** What can be done with tenants, teams, users and keys alike: list, show, new, change and remove. */
import { z } from 'zod';
import { askAdmin, findAdmin } from './admin-client.ts';
import { askPages, queryText } from './admin-pages.ts';
import { flagOption, type Given, textOption, UsageError } from './given.ts';
import type { Invocation } from './invocation.ts';
import type { Actions } from './run-action.ts';
import { formatTable } from './table.ts';

export interface EntryVerb<View> {
  /** As the path and the verb have it: `users`. */
  readonly plural: string;
  readonly shape: z.ZodType<View>;
  readonly header: readonly string[];
  row(entry: View): readonly string[];
  /** What the options say of one to make, or of a change; what is not said is left out. */
  fields(given: Given): Readonly<Record<string, unknown>>;
  /** What the gateway says of one that was just changed. */
  warnings?(entry: View): readonly string[];
}

export function entryActions<View>(verb: EntryVerb<View>): Actions {
  const { plural, shape } = verb;
  const say = (invocation: Invocation, given: Given, entry: View) => {
    invocation.write(
      flagOption(given, 'json') ? JSON.stringify(entry) : formatTable(verb.header, [verb.row(entry)]),
    );
    return 0;
  };
  return {
    list: async (invocation, given) => {
      const place = await findAdmin(invocation, given);
      const { items, more } = await askPages(place, { path: plural, item: shape, query: tenantOf(given) });
      if (flagOption(given, 'json')) invocation.write(JSON.stringify({ items, more }));
      else invocation.write(formatTable(verb.header, items.map(verb.row)));
      if (more) invocation.warn(`! there are more than these ${items.length}: name a tenant`);
      return 0;
    },
    show: async (invocation, given) => {
      const path = entryPath(plural, given);
      const place = await findAdmin(invocation, given);
      return say(invocation, given, await askAdmin(place, { path, shape }));
    },
    new: async (invocation, given) => {
      const name = nameOf(plural, given, 'new');
      const place = await findAdmin(invocation, given);
      const path = `${plural}${queryText(tenantOf(given))}`;
      const body = { name, ...verb.fields(given) };
      return say(invocation, given, await askAdmin(place, { method: 'POST', path, body, shape }));
    },
    change: async (invocation, given) => {
      const body = { ...verb.fields(given), ...activeOf(given) };
      if (Object.keys(body).length === 0) {
        throw new UsageError(`\`${plural} change\` needs to be told what: see \`${plural} --help\``);
      }
      const entry = await changeEntry(invocation, given, { plural, shape, body });
      for (const warning of verb.warnings?.(entry) ?? []) invocation.warn(`! ${warning}`);
      return say(invocation, given, entry);
    },
    remove: async (invocation, given) => {
      const path = entryPath(plural, given);
      const place = await findAdmin(invocation, given);
      await askAdmin(place, { method: 'DELETE', path, shape: z.undefined() });
      const name = nameOf(plural, given, 'remove');
      invocation.write(flagOption(given, 'json') ? JSON.stringify({ removed: name }) : `removed: ${name}`);
      return 0;
    },
  };
}

export async function changeEntry<View>(
  invocation: Invocation,
  given: Given,
  { plural, shape, body }: { plural: string; shape: z.ZodType<View>; body: object },
): Promise<View> {
  const path = entryPath(plural, given);
  const place = await findAdmin(invocation, given);
  // Whoever types this means the entry as it is, and has seen no version of it.
  return await askAdmin(place, { method: 'PATCH', path, body, ifMatch: '*', shape });
}

/** With what comes behind the name, as `/rotate`. */
export function entryPath(plural: string, given: Given, behind = ''): string {
  const name = nameOf(plural, given, given.words[0] ?? '');
  return `${plural}/${encodeURIComponent(name)}${behind}${queryText(tenantOf(given))}`;
}

export function tenantOf(given: Given): { readonly tenant: string | undefined } {
  return { tenant: textOption(given, 'tenant') };
}

/** What is not said is left out. */
export function saidOf(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function nameOf(plural: string, given: Given, action: string): string {
  const name = given.words[1];
  if (name === undefined) throw new UsageError(`\`${plural} ${action} NAME\` needs a name`);
  return name;
}

function activeOf(given: Given): { readonly active?: boolean } {
  const active = textOption(given, 'active');
  if (active === undefined) return {};
  if (active === 'yes' || active === 'no') return { active: active === 'yes' };
  throw new UsageError('--active is yes or no');
}
