import { join } from 'node:path';
import { type Contestant, clientKey } from './contestant.ts';

const program = join(import.meta.dirname, '..', 'floor.ts');

export const floor: Contestant = {
  name: 'floor',
  describe: () => 'bench/floor.ts: node:http and dispatch, JSON parsed both ways, nothing else',
  missing: () => undefined,
  command: (site) => ({
    file: process.execPath,
    args: [program, String(site.port), String(site.mockPort)],
  }),
  headers: () => ({ authorization: `Bearer ${clientKey}` }),
};
