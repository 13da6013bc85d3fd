/** Tells the other verbs where the gateway of this data folder listens; a port may have been chosen at start. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const shape = z.object({
  pid: z.int(),
  clients: z.url(),
  admin: z.url(),
});

export type RunningGateway = z.output<typeof shape>;

export async function writeRunningFile(folder: string, running: RunningGateway): Promise<void> {
  await writeFile(pathIn(folder), `${JSON.stringify(running)}\n`, { mode: 0o600 });
}

/** What the last start wrote: it may have died without taking it back. */
export async function readRunningFile(folder: string): Promise<RunningGateway | undefined> {
  try {
    return shape.parse(JSON.parse(await readFile(pathIn(folder), 'utf8')));
  } catch {
    // None, or not whole: then the configuration's own addresses are the best guess.
    return undefined;
  }
}

/** Only our own: another start in the same folder may have written its own since. */
export async function removeRunningFile(folder: string): Promise<void> {
  const running = await readRunningFile(folder);
  if (running?.pid === process.pid) await rm(pathIn(folder), { force: true });
}

function pathIn(folder: string): string {
  return join(folder, 'running.json');
}
