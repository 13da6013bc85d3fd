/** One upstream from the outside in: its address, the way there, its credentials, its models, one streamed token. */
import { lookup } from 'node:dns/promises';
import { open } from 'node:fs/promises';
import { isIP } from 'node:net';
import { isForChat } from '../../config/local-servers.ts';
import type { Config } from '../../config/schema.ts';
import type { Upstream } from '../../core/exchange.ts';
import { asFailure, type Failure, type FailureCode } from '../../core/failure.ts';
import type { Transport } from '../../core/transport.ts';
import { askJson } from '../../fleet/ask.ts';
import { readModels } from '../../fleet/watch.ts';
import type { Clock } from '../../lib/clock.ts';
import { closest } from '../../lib/closest.ts';
import { providers } from '../../providers/registry.ts';
import { bad, type Diagnosis, ok, warn } from './finding.ts';
import { firstToken } from './first-token.ts';

export interface Examined {
  readonly name: string;
  /** Absent for an engine that is not started to be examined. */
  readonly upstream: Upstream | undefined;
  readonly config: Config;
  readonly clock: Clock;
  /** Whether models that cost money may be called too. */
  readonly paid: boolean;
}

interface Reached extends Examined {
  readonly upstream: Upstream;
}

type UpstreamConfig = Config['upstreams'][string];

const listMs = 5_000;
const listBytesMax = 8 * 1024 * 1024;
const tokenMs = 60_000;
/** Further apart, certificates and signed tokens begin to be refused. */
const clockApartMs = 60_000;

export async function examineUpstream(examined: Examined): Promise<Diagnosis[]> {
  const { name, upstream, config } = examined;
  const area = `upstream ${name}`;
  const configured = config.upstreams[name];
  if (configured === undefined) return [];
  if (configured.type === 'simulator') return [ok(area, 'built in')];
  if (configured.type === 'llamacpp') return [await examineFile(area, configured.file)];
  if (upstream === undefined) return [];
  const unresolved = await resolveHost(area, configured.url);
  return unresolved === undefined
    ? await examineServer(area, configured, { ...examined, upstream })
    : [unresolved];
}

async function resolveHost(area: string, url: string): Promise<Diagnosis | undefined> {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0) return undefined;
  try {
    await lookup(host);
    return undefined;
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'no reason given';
    return bad(
      area,
      `the name ${host} cannot be looked up (${code})`,
      'correct `url:`, or see to DNS and the network',
    );
  }
}

async function examineServer(
  area: string,
  configured: Extract<UpstreamConfig, { url: string }>,
  examined: Reached,
): Promise<Diagnosis[]> {
  const { upstream, clock } = examined;
  const { listPath, paid } = providers[configured.type];
  const watched = withDate(upstream.transport);
  let models: readonly string[];
  try {
    const request = { method: 'GET', path: listPath, headers: [] } as const;
    const body = await askJson(watched.transport, request, {
      clock,
      timeoutMs: listMs,
      bytesMax: listBytesMax,
    });
    models = readModels(body).map(({ name }) => name);
  } catch (thrown) {
    return [describeFailure(area, `${configured.url} does not list its models`, asFailure(thrown))];
  }
  const costs = paid(configured.url);
  return [
    ok(area, `${configured.url} answers and lists ${models.length} model${models.length === 1 ? '' : 's'}`),
    ...examineClock(area, watched.date(), clock),
    ...examineTargets(area, models, examined),
    await examineToken(area, { models, costs }, examined),
  ];
}

/** The same transport, and the `Date` that last came over it. */
function withDate(transport: Transport): { transport: Transport; date: () => string | undefined } {
  let date: string | undefined;
  return {
    date: () => date,
    transport: {
      close: () => transport.close(),
      send: (request, receiver) =>
        transport.send(request, {
          sent: () => receiver.sent(),
          head: (status, headers) => {
            const said = headers['date'];
            if (typeof said === 'string') date = said;
            receiver.head(status, headers);
          },
          data: (chunk) => receiver.data(chunk),
          end: () => receiver.end(),
          fail: (failure) => receiver.fail(failure),
        }),
    },
  };
}

function examineClock(area: string, date: string | undefined, clock: Clock): Diagnosis[] {
  const apartMs = date === undefined ? Number.NaN : clock.wall() - Date.parse(date);
  if (Number.isNaN(apartMs) || Math.abs(apartMs) <= clockApartMs) return [];
  const seconds = Math.round(Math.abs(apartMs) / 1000);
  const says = `its clock and ours are ${seconds} s apart; ours is ${apartMs > 0 ? 'ahead' : 'behind'}`;
  return [warn(area, says, 'set the clock of the machine that is wrong: timedatectl set-ntp true')];
}

function examineTargets(area: string, models: readonly string[], { upstream, config }: Reached): Diagnosis[] {
  return Object.entries(config.models).flatMap(([name, { targets }]) =>
    targets
      .filter((target) => target.upstream === upstream.name && !isListed(target.model, models))
      .map((target) => {
        const meant = closest(target.model, models);
        const hint = meant === undefined ? 'correct the target' : `did you mean ${meant}? correct the target`;
        return bad(
          area,
          `the target ${target.model} of model ${name} is not there`,
          `${hint}, or load it there`,
        );
      }),
  );
}

function isListed(model: string, models: readonly string[]): boolean {
  return models.includes(model) || models.includes(`${model}:latest`);
}

async function examineToken(
  area: string,
  { models, costs }: { models: readonly string[]; costs: boolean },
  { upstream, config, clock, paid }: Reached,
): Promise<Diagnosis> {
  const targets = Object.values(config.models).flatMap(({ targets: all }) => all);
  const own = targets.filter((target) => target.upstream === upstream.name).map((target) => target.model);
  const model = [...own.filter((name) => isListed(name, models)), ...models].find(isForChat);
  if (model === undefined) return warn(area, 'there is no model to try', 'load one on that server');
  if (costs && !paid) return ok(area, `${model} was not called: it may cost money (--paid calls it)`);
  try {
    const tookMs = await firstToken({ upstream, model, clock, timeoutMs: tokenMs });
    return ok(area, `${model} streamed its first token after ${Math.round(tookMs)} ms`);
  } catch (thrown) {
    return describeFailure(area, `${model} gave no token`, asFailure(thrown));
  }
}

const mends: Partial<Record<FailureCode, string>> = {
  connect_failed: 'start the server there, or correct `url:`',
  connect_timeout: 'see to the network and firewalls between, or correct `url:`',
  total_timeout: 'see why that server is slow; it must list its models within 5 s',
  first_token_timeout: 'see whether the model fits that machine, or give it time: models.NAME.clocks.loadMs',
  tls_error: 'renew its certificate, or give Node the authority that signed it: NODE_EXTRA_CA_CERTS=FILE',
  upstream_unauthorized: 'set `key:` of this upstream to a key that is valid there',
  upstream_model_missing: 'load the model there, or correct the target',
  upstream_rate_limited: 'wait, or see to the limits of that account',
  bad_upstream_response: 'see whether `url:` and `type:` fit that server: is `/v1` missing or too many?',
  upstream_failed: 'see that server’s own log',
};

function describeFailure(area: string, what: string, failure: Failure): Diagnosis {
  return bad(area, `${what}: ${failure.message}`, mends[failure.code] ?? 'see that server’s own log');
}

const ggufMagic = 'GGUF';

async function examineFile(area: string, file: string): Promise<Diagnosis> {
  try {
    const handle = await open(file);
    try {
      const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
      if (buffer.toString('latin1') === ggufMagic) return ok(area, `${file} is a GGUF file`);
      return bad(area, `${file} is not a GGUF file`, 'correct `file:`, or convert the model');
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'no reason given';
    return bad(area, `${file} cannot be read (${code})`, 'correct `file:`, or the rights of the file');
  }
}
