/** A gateway in a process of its own that is killed, and who comes after it in the same folder. */
import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { openPlace, type Place, type RunningProcess, serve } from '../cli/gateway-process.ts';
import { runMasterKey } from '../run-canary.ts';

export interface Replica {
  readonly gateway: RunningProcess;
  /** Starts another in the folder of one that was killed. */
  follow(): Promise<void>;
  close(): Promise<void>;
}

export async function openReplica(config: object): Promise<Replica> {
  const place = await openPlace();
  // Replicas open what others have sealed.
  await place.write('millrace.yaml', JSON.stringify({ secrets: { masterKey: runMasterKey }, ...config }));
  let gateway = await serve([], { place });
  return {
    get gateway() {
      return gateway;
    },
    follow: async () => {
      await longAgo(place);
      gateway = await serve([], { place });
    },
    close: async () => {
      await gateway.stop('SIGKILL');
      await place[Symbol.asyncDispose]();
    },
  };
}

/** As if the machine had been off for an hour: a run is dead once nobody heard of it for a minute. */
async function longAgo(place: Place): Promise<void> {
  const spool = place.path('.millrace/spool');
  const atS = Date.now() / 1000 - 3_600;
  for (const file of await readdir(spool)) {
    if (file.endsWith('.alive')) await utimes(join(spool, file), atS, atS);
  }
}
