/** Which models work where, and what their servers tell about keeping them loaded. Asked for only when someone looks. */
import { z } from 'zod';
import type { Upstream } from '../core/exchange.ts';
import { asFailure } from '../core/failure.ts';
import { askJson } from '../fleet/ask.ts';
import { providers } from '../providers/registry.ts';
import type { Gateway } from '../wiring/gateway.ts';
import type { psShape } from './shapes.ts';

type Running = z.input<typeof psShape>['running'][number];

const askMs = 1_000;
const answerBytesMax = 1024 * 1024;

const loadedModels = z.object({
  models: z.array(
    z.object({
      name: z.string(),
      size: z.number().optional(),
      size_vram: z.number().optional(),
      expires_at: z.string().optional(),
    }),
  ),
});

type Loaded = z.output<typeof loadedModels>['models'][number];

export async function viewRunning(gateway: Gateway): Promise<z.input<typeof psShape>> {
  const { scheduler, health } = gateway.lasting;
  const running = await Promise.all(
    gateway.snapshot.upstreams.map(async (upstream) => {
      const counts = new Map<string, number>();
      for (const target of scheduler.occupied) {
        if (target.upstream.identity !== upstream.identity) continue;
        counts.set(target.model, (counts.get(target.model) ?? 0) + 1);
      }
      const loaded = new Map((await askLoaded(gateway, upstream)).map((model) => [model.name, model]));
      return [...new Set([...counts.keys(), ...loaded.keys()])].map((model): Running => {
        const facts = loaded.get(model) ?? loaded.get(`${model}:latest`);
        return {
          model,
          upstream: upstream.name,
          state: health.of(upstream).state,
          inFlight: counts.get(model) ?? 0,
          slots: scheduler.limitOf(upstream),
          ...(facts === undefined ? {} : { loaded: describe(facts) }),
        };
      });
    }),
  );
  return { waiting: scheduler.waiting, running: running.flat() };
}

/** Nothing where the server does not tell, or does not answer: what it is doing for us is known all the same. */
async function askLoaded(gateway: Gateway, upstream: Upstream): Promise<readonly Loaded[]> {
  const type = gateway.snapshot.config.upstreams[upstream.name]?.type;
  const path = type === undefined ? undefined : providers[type].loadedPath;
  if (path === undefined) return [];
  const { clock, log } = gateway.lasting;
  try {
    const body = await askJson(
      upstream.transport,
      { method: 'GET', path, headers: [] },
      { clock, timeoutMs: askMs, bytesMax: answerBytesMax },
    );
    return loadedModels.safeParse(body).data?.models ?? [];
  } catch (thrown) {
    log.warn(
      { upstream: upstream.name, message: asFailure(thrown).message },
      'the loaded models are not known',
    );
    return [];
  }
}

function describe({ size, size_vram, expires_at }: Loaded): NonNullable<Running['loaded']> {
  return {
    ...(size === undefined ? {} : { bytes: size }),
    ...(size_vram === undefined ? {} : { gpuBytes: size_vram }),
    ...(expires_at === undefined ? {} : { until: expires_at }),
  };
}
