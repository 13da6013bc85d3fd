/**
 * Loads what the admin API is made of. It is a third of a second of work on a slow machine, and the loop that does it serves
 * clients as well: so it goes by parts, and whoever is served meanwhile waits for one of them at most (G13).
 */
import { setImmediate as turn } from 'node:timers/promises';

/** In the order of need: what comes later finds most of its own loaded. */
const parts: readonly (() => Promise<unknown>)[] = [
  () => import('fastify'),
  () => import('./register.ts'),
  () => import('./shapes.ts'),
  () => import('./config-shapes.ts'),
  () => import('./cost-shapes.ts'),
  () => import('./usage-shapes.ts'),
  () => import('./directory-shapes.ts'),
  () => import('./queue-shapes.ts'),
  () => import('./privacy-shapes.ts'),
  () => import('./alert-routes.ts'),
  () => import('./audit-routes.ts'),
  () => import('./config-routes.ts'),
  () => import('./cost-routes.ts'),
  () => import('./drain-routes.ts'),
  () => import('./key-routes.ts'),
  () => import('./open-session-routes.ts'),
  () => import('./part-routes.ts'),
  () => import('./privacy-routes.ts'),
  () => import('./secret-routes.ts'),
  () => import('./session-routes.ts'),
  () => import('./state-routes.ts'),
  () => import('./warm-routes.ts'),
];

export async function loadApi(): Promise<typeof import('./admin-api.ts')> {
  for (const part of parts) {
    await part();
    await turn();
  }
  return await import('./admin-api.ts');
}
