/** A process to be killed: appends row after row, and tells of each id once it is kept. */
import { systemClock } from '../../src/lib/clock.ts';
import { openStore } from '../../src/stores/open-store.ts';
import { aRow } from '../conformance/ledger.ts';

const [dataDir = ''] = process.argv.slice(2);
const context = { replicas: () => 1, clock: systemClock, onTrouble: () => undefined };
const store = await openStore('sqlite', { dataDir, ...context });
for (;;) {
  const row = aRow();
  await store.ledger.append([row]);
  process.stdout.write(`${row.id}\n`);
}
