import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Contestant, clientKey } from './contestant.ts';

const root = join(import.meta.dirname, '..', '..');
const main = join(root, 'bin', 'millrace.js');

export const millrace: Contestant = {
  name: 'millrace',
  describe: () => 'Millrace from source: keys, limits, budgets, prices, metrics, log and ledger on',
  missing: () => (existsSync(main) ? undefined : 'bin/millrace.js is not there'),
  command: (site) => ({
    file: process.execPath,
    args: [main, 'serve', '--config', join(root, 'bench', 'millrace.yaml')],
    env: {
      BENCH_PORT: String(site.port),
      BENCH_ADMIN_PORT: String(site.adminPort),
      BENCH_MOCK_PORT: String(site.mockPort),
      BENCH_DATA: site.folder,
    },
    folder: root,
  }),
  // On loopback limits do not hold: as if it came through a proxy.
  headers: () => ({ authorization: `Bearer ${clientKey}`, 'x-forwarded-for': '192.0.2.7' }),
};
