/** What can be used when the configuration names no upstreams: local servers, accounts in the environment, the simulator. */
import type { Clock } from '../lib/clock.ts';
import { modelName } from '../lib/options.ts';
import { isLoopback, type ListenAddress } from '../net/listen-address.ts';
import { parseUpstreamUrl } from '../net/upstream-url.ts';
import type { Environment } from './expand.ts';
import { isForChat, type LocalServer, type Place, type Probe, probe, usualPlaces } from './local-servers.ts';
import { parseOllamaHost } from './ollama-host.ts';
import { compatibleKeys, keysForLater, openaiKey } from './provider-keys.ts';

export interface Discovered {
  /** As one would write them under `upstreams:`. */
  readonly upstreams: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Never one that costs money. */
  readonly defaultModel: string;
  /** The upstream that has it. */
  readonly defaultUpstream: string;
  readonly findings: readonly Finding[];
}

/** One line of the report: what was looked for, and what became of it. */
export interface Finding {
  readonly what: string;
  readonly used: boolean;
  readonly says: string;
}

export interface DiscoverOptions {
  readonly environment: Environment;
  readonly clock: Clock;
  /** Our own address: what points there would go in circles. */
  readonly listen: ListenAddress;
  readonly places?: readonly Place[];
}

export async function discover(options: DiscoverOptions): Promise<Discovered> {
  const { environment, clock } = options;
  const probed = await Promise.all(
    [ollamaPlace(environment), ...(options.places ?? usualPlaces)].map(async (place) => ({
      place,
      result: await look(place, options.listen, clock),
    })),
  );
  const servers = named(probed.flatMap(({ result }) => (result.found ? [result.server] : [])));
  const account = findAccount(environment, options.listen);
  const upstreams: Record<string, Readonly<Record<string, unknown>>> = {};
  for (const server of servers) upstreams[server.name] = server.upstream;
  if (account.upstream !== undefined) upstreams['openai'] = account.upstream;
  upstreams['simulator'] = { type: 'simulator' };
  const chosen = chooseDefault(environment, servers);
  return {
    upstreams,
    defaultModel: chosen.model,
    defaultUpstream: chosen.upstream,
    findings: [
      ...probed.map(({ place, result }) => describeProbe(place, result)),
      ...account.findings,
      ...chosen.findings,
      ...describeOtherKeys(environment),
      { what: 'simulator', used: true, says: 'built in: answers without a model, to try anything' },
    ],
  };
}

function ollamaPlace(environment: Environment): Place {
  return { name: 'Ollama', url: parseOllamaHost(environment['OLLAMA_HOST']) ?? '', api: 'ollama' };
}

async function look(place: Place, own: ListenAddress, clock: Clock): Promise<Probe> {
  if (pointsTo(place.url, own)) return { found: false, why: 'this is the address of the gateway itself' };
  return await probe(place, clock);
}

/** Our own client key or address in the variables of a client means us, not a provider. */
function findAccount(
  environment: Environment,
  own: ListenAddress,
): { upstream?: Readonly<Record<string, unknown>>; findings: readonly Finding[] } {
  const { variable, baseUrlVariable, provider } = openaiKey;
  const key = environment[variable] ?? '';
  const url = environment[baseUrlVariable] ?? '';
  if (key === '') return { findings: [] };
  const unused = (says: string) => ({ findings: [{ what: variable, used: false, says }] });
  if (key.startsWith('sk-mr-')) return unused('found, but it is a key of this gateway');
  if (url !== '') {
    const parsed = parseUpstreamUrl(url);
    if (!parsed.ok) return unused(`found, but ${baseUrlVariable} ${parsed.reason}`);
    if (pointsTo(parsed.url, own)) return unused(`found, but ${baseUrlVariable} is this gateway itself`);
  }
  return {
    upstream: { type: 'openai', key: `env:${variable}`, ...(url === '' ? {} : { url }) },
    findings: [
      {
        what: variable,
        used: true,
        says: `${url === '' ? provider : new URL(url).host}, when a request names one of its models; it may cost money`,
      },
    ],
  };
}

function describeOtherKeys(environment: Environment): Finding[] {
  const present = ({ variable }: { variable: string }) => (environment[variable] ?? '') !== '';
  const later = keysForLater.filter(present).map(({ variable, provider }) => ({
    what: variable,
    used: false,
    says: `found, but speaking to ${provider} comes with a later version`,
  }));
  const compatible = compatibleKeys.filter(present).map(({ variable, url }) => ({
    what: variable,
    used: false,
    says: `found; to use it: upstreams: { NAME: { type: openai, url: ${url}, key: env:${variable} } }`,
  }));
  return [...later, ...compatible];
}

function describeProbe(place: Place, result: Probe): Finding {
  const where = place.url === '' ? 'OLLAMA_HOST' : new URL(place.url).host;
  const what = `${place.name} at ${where}`;
  if (!result.found) return { what, used: false, says: result.why };
  const { name, models } = result.server;
  const other = name === place.name.toLowerCase().replace(' ', '-') ? '' : `it is ${name}; `;
  if (models.length === 0) return { what, used: true, says: `${other}no models yet` };
  const more = models.length > 3 ? ` and ${models.length - 3} more` : '';
  return { what, used: true, says: `${other}${models.slice(0, 3).join(', ')}${more}` };
}

interface Chosen {
  readonly model: string;
  readonly upstream: string;
  readonly findings: readonly Finding[];
}

/** The operator's wish, else the first local model that can chat, else the simulator. */
function chooseDefault(environment: Environment, servers: readonly LocalServer[]): Chosen {
  const wished = environment['OLLAMA_MODEL'] ?? '';
  const first = firstForChat(servers);
  if (wished === '') return { ...first, findings: [] };
  const unused = (says: string) => ({ ...first, findings: [{ what: 'OLLAMA_MODEL', used: false, says }] });
  if (!modelName.safeParse(wished).success) return unused('is not the name of a model');
  const ollama = servers.find(({ upstream }) => upstream['type'] === 'ollama');
  if (ollama === undefined) return unused(`found, but no Ollama that could have ${wished}`);
  const has = ollama.models.some((model) => model === wished || model === `${wished}:latest`);
  const says = `${wished} is the default model${has ? '' : ', but must be pulled first'}`;
  return { model: wished, upstream: ollama.name, findings: [{ what: 'OLLAMA_MODEL', used: true, says }] };
}

function firstForChat(servers: readonly LocalServer[]): { model: string; upstream: string } {
  for (const { name, models } of servers) {
    const model = models.find(isForChat);
    if (model !== undefined) return { model, upstream: name };
  }
  return { model: 'simulator', upstream: 'simulator' };
}

function pointsTo(text: string, own: ListenAddress): boolean {
  const url = URL.parse(text);
  if (url === null || Number(url.port || (url.protocol === 'https:' ? 443 : 80)) !== own.port) return false;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return isLoopback(host) || host === own.host;
}

/** Two servers of one kind need two names. */
function named(servers: readonly LocalServer[]): readonly LocalServer[] {
  return servers.map((server, index) => {
    const before = servers.slice(0, index).filter(({ name }) => name === server.name).length;
    return before === 0 ? server : { ...server, name: `${server.name}-${before + 1}` };
  });
}
