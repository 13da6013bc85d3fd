/** What a process is to the others that serve with it as one gateway. */
import type { InstallConfig } from '../../config/schema.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { ClientListener, ClientListenerOptions } from '../client-listener.ts';
import type { Lasting } from '../lasting.ts';

/** Processes that share the data folder, the port and Redis. Who serves alone has none of this. */
export interface Among {
  /** The primary serves no clients: it starts the workers, does what is to be done once, and answers operators for all. */
  readonly role: 'primary' | 'worker';
  /** How many serve. */
  readonly workers: number;
  /** Where clients connect: of the primary that is its workers. */
  openListener(options: ClientListenerOptions): Promise<ClientListener>;
  /** What renders the metrics of all together, given what renders this process's own. */
  gatherMetrics(own: () => string): () => Promise<string>;
  /** Told under which name this process writes to the spool from now on. */
  onRun(run: string): void;
}

/** What workers that begin together would each make for themselves. */
export async function makeOnce({ store, followed }: Lasting, config: InstallConfig): Promise<void> {
  if (config.store === 'sqlite') await store.migrate();
  await followed.digester();
}

/** Who has connections to the database: all that serve, and the primaries of those that are workers. */
export function processesOf(serving: number, among: Among | undefined): number {
  return among === undefined ? serving : serving + Math.ceil(serving / among.workers);
}

/** Wherever it is asked: for all processes together. */
export function rendererOf(metrics: Metrics, among: Among | undefined): Lasting['renderMetrics'] {
  const own = () => metrics.render();
  return among === undefined ? own : among.gatherMetrics(own);
}
