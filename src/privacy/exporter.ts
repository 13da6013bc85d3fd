/**
 * Everything that is kept of somebody, or of a tenant, as one JSON text in pieces: no more than a page of it is ever in
 * memory. What a digest, a key or a secret is made of is left out; what was sealed is opened.
 */
import type { Subject } from '../core/subject.ts';
import type { Clock } from '../lib/clock.ts';
import { type KeptPlaces, sectionsOfOwner, sectionsOfTenant } from './export-sections.ts';

export interface ExportPlaces extends KeptPlaces {
  readonly clock: Clock;
}

export async function* exportSubject(
  places: ExportPlaces,
  { tenant, user }: Subject,
): AsyncGenerator<string> {
  const at = new Date(places.clock.wall()).toISOString();
  const head = JSON.stringify({ tenant, user, at });
  const sections =
    user === undefined ? sectionsOfTenant(places, tenant) : sectionsOfOwner(places, { tenant, user });
  yield head.slice(0, -1);
  for (const [name, section] of Object.entries(sections)) {
    yield `,\n"${name}":[`;
    let between = '\n';
    for await (const item of section) {
      yield `${between}${JSON.stringify(item)}`;
      between = ',\n';
    }
    yield ']';
  }
  yield '}\n';
}
