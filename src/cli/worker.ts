/**
 * The command line of a worker process. The young generation is held from here and not by a flag of Node's: V8 takes what another
 * process has compiled from the cache only where both loaded it by the same flags, and the primary and its workers share one.
 */
import { holdYoungGeneration } from '../lib/young-generation.ts';

holdYoungGeneration();
await import('./serve-as-worker.ts');
