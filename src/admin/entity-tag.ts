/** Which version of an entry a change is meant for: ETag and If-Match. */
import type { IncomingHttpHeaders } from 'node:http';
import { fail } from '../core/failure.ts';

export interface Versioned {
  readonly version: number;
}

export function tagOf({ version }: Versioned): string {
  return `"${version}"`;
}

/** Whoever changes says what he has seen: else of two who change at once one would undo the other unawares. */
export function requireMatch(headers: IncomingHttpHeaders): void {
  if (headers['if-match'] !== undefined) return;
  throw fail('precondition_required', 'send If-Match with the ETag of the version that you have seen, or *');
}

/** The version that is meant; nothing where any will do. Throws where it is not the one that is there. */
export function matchedVersion(headers: IncomingHttpHeaders, found: Versioned): number | undefined {
  const given = headers['if-match'];
  if (given === undefined || given.trim() === '*') return undefined;
  assertTag(given, tagOf(found));
  return found.version;
}

/** Throws unless one of the tags that If-Match names is this one. */
export function assertTag(given: string, tag: string): void {
  const tags = given.split(',').map((each) => each.trim());
  if (!tags.includes('*') && !tags.includes(tag)) throw changedSince();
}

export function changedSince(cause?: unknown): Error {
  return fail('precondition_failed', 'it has changed since the version that If-Match names: read it again', {
    cause,
  });
}
