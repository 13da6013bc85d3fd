import { shortPrompt } from '../payloads.ts';
import type { Running } from '../rig.ts';
import { type Cell, type CellContext, countsOf, type Sample } from './cell.ts';

const connections = 10_000;

export const idleConnections: Cell = {
  name: 'idle-connections',
  title: '10,000 idle connections',
  about:
    'A fresh process; 10,000 clients ask once and stay connected. Eight more clients ask before and meanwhile.',
  figures: [
    { key: 'rssMb', label: 'RSS', unit: 'MB', digits: 0, hasRatio: true },
    { key: 'kbPerConnection', label: 'each', unit: 'KB', digits: 1 },
    { key: 'p99BeforeMs', label: 'p99 before', unit: 'ms', digits: 2 },
    { key: 'p99MeanwhileMs', label: 'p99 meanwhile', unit: 'ms', digits: 2 },
    { key: 'held', label: 'held', unit: '', digits: 0 },
    { key: 'lost', label: 'lost', unit: '', digits: 0 },
  ],
  isDefault: true,
  isQuick: false,
  roundsMax: 2,
  hasDirect: false,
  measure,
};

async function measure(context: CellContext): Promise<Sample> {
  if (context.startAnother === undefined) return {};
  const { rig } = context;
  await rig.setMode({ kind: 'whole', isSplit: false });
  const running = await context.startAnother();
  try {
    await ask(context, running, 600);
    const before = await ask(context, running, 1_000);
    const rssBeforeKb = running.usage()?.rssKb ?? 0;
    const held = await rig.hold(running, { body: shortPrompt, connections, timeoutMs: 20_000 });
    const rssKb = running.usage()?.rssKb ?? 0;
    const meanwhile = await ask(context, running, 1_000);
    const { lost } = await rig.release();
    const counts = countsOf(before, meanwhile);
    return {
      ...counts,
      rssMb: rssKb / 1024,
      kbPerConnection: held.opened === 0 ? 0 : (rssKb - rssBeforeKb) / held.opened,
      p99BeforeMs: before.total.p99Us / 1000,
      p99MeanwhileMs: meanwhile.total.p99Us / 1000,
      held: held.opened,
      lost,
      failed: held.failed + (counts['failed'] ?? 0),
    };
  } finally {
    await running.stop();
  }
}

async function ask({ rig }: CellContext, running: Running, durationMs: number) {
  return await rig.load(running, {
    body: shortPrompt,
    expect: 'whole',
    arrivals: { kind: 'closed' },
    connections: 8,
    timeoutMs: 5_000,
    durationMs,
  });
}
