/** Finds a server on this machine, or sees to it that there is one. */
import { type Found, findProgram, type ServerKind } from './find-program.ts';

export async function provideServer(kind: ServerKind): Promise<Found> {
  const found = findProgram(kind);
  if (found === undefined) throw new Error(`no ${kind}`);
  return found;
}
