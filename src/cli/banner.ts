/** What a start tells: lines for a person at a terminal, the same facts as one object for a pipe. */
import type { Finding } from '../config/discover.ts';
import type { Config } from '../config/schema.ts';
import type { Paint } from './paint.ts';
import { formatTable } from './table.ts';
import type { Typed } from './typed.ts';
import { wrapWords } from './wrap-words.ts';

export interface Started {
  readonly version: string;
  readonly tookMs: number;
  readonly config: Config;
  readonly configId: string;
  readonly configFile: string | undefined;
  readonly port: number;
  readonly adminPort: number;
  readonly clientKey: string;
  readonly clientKeyFile: string;
  readonly adminTokenFile: string;
  readonly findings: readonly Finding[];
  readonly warnings: readonly string[];
  readonly typed: Typed;
}

export interface Screen {
  readonly paint: Paint;
  /** Its width, where it tells. */
  readonly columns: number | undefined;
}

export function renderBanner(started: Started, { paint, columns }: Screen): string {
  const { config, findings, typed } = started;
  const rows = [
    ['  clients', clientUrl(started), 'OpenAI: /v1 · Ollama: /api · simple: /generate, /chat'],
    ['  admin', adminUrl(started), `its token is in ${started.adminTokenFile}`],
    keyRow(started),
    ['  model', config.defaultModel ?? '(no default)', 'for requests of the simple API that name none'],
    [
      '  file',
      started.configFile ?? '(none)',
      started.configFile === undefined ? `\`${typed('init')}\` writes one` : '',
    ],
  ];
  const sections = [
    `${paint('bold', `Millrace ${started.version}`)} is ready after ${started.tookMs} ms`,
    indentTable(
      rows.map(([label = '', value = '', note = '']) => [paint('dim', label), value, paint('dim', note)]),
    ),
  ];
  if (findings.length > 0)
    sections.push(`Found:\n${indentTable(findings.map((finding) => findingRow(finding, paint)))}`);
  sections.push(
    `Limits:\n${limitsOf(config)
      .map((line) => `  ${line}`)
      .join('\n')}`,
  );
  if (started.warnings.length > 0) {
    sections.push(started.warnings.map((warning) => paint('yellow', `! ${warning}`)).join('\n'));
  }
  const last = paint('dim', `Ctrl-C stops it. \`${typed('doctor')}\` checks everything.`);
  // The line to paste stays one line, however narrow the screen.
  return [
    ...sections.map((section) => wrapWords(section, columns)),
    `Try it:\n  ${curlLine(started, started.clientKey)}`,
    `${wrapWords(last, columns)}\n`,
  ].join('\n\n');
}

function keyRow({ config, clientKey, clientKeyFile }: Started): string[] {
  if (config.auth === 'none') return ['  key', 'none needed', 'auth: none'];
  if (config.auth === 'jwt') return ['  key', 'a token of an issuer', 'auth: jwt'];
  return ['  key', clientKey, `kept in ${clientKeyFile}`];
}

/** What goes into a pipe is kept by whoever reads it: it says where the key is and never what it is (G8). */
export function readyFacts(started: Started): Record<string, unknown> {
  const { config } = started;
  return {
    version: started.version,
    tookMs: started.tookMs,
    port: started.port,
    clients: clientUrl(started),
    admin: adminUrl(started),
    auth: config.auth,
    keyFile: started.clientKeyFile,
    adminTokenFile: started.adminTokenFile,
    defaultModel: config.defaultModel,
    configId: started.configId,
    configFile: started.configFile,
    upstreams: Object.keys(config.upstreams),
    found: started.findings,
    limits: limitsOf(config),
    curl: curlLine(started, undefined),
  };
}

/** With the key, or reading it from its file when it must not be shown. */
export function curlLine(started: Started, key: string | undefined): string {
  const { config, clientKeyFile } = started;
  const secret = config.auth === 'jwt' ? '$TOKEN' : (key ?? `$(cat ${quoted(clientKeyFile)})`);
  const header = config.auth !== 'none' ? ` -H "Authorization: Bearer ${secret}"` : '';
  const body = {
    model: config.defaultModel ?? Object.keys(config.models)[0] ?? 'simulator',
    messages: [{ role: 'user', content: 'Hello' }],
  };
  const url = `${clientUrl(started)}/v1/chat/completions`;
  return `curl -sS ${url}${header} -H "Content-Type: application/json" -d ${quoted(JSON.stringify(body))}`;
}

/** Every limit has an end, and whoever starts the gateway knows where. */
export function limitsOf(config: Config): string[] {
  const { listen, queue, limits } = config;
  const rates = limits.map((limit) => {
    const { per, requests, burst, tokens, burstTokens, concurrent, route, model } = limit;
    const said = [
      requests === undefined ? [] : [rateText(requests, 'requests'), burstText(burst)],
      tokens === undefined ? [] : [rateText(tokens, 'tokens'), burstText(burstTokens)],
      concurrent === undefined ? [] : [`${concurrent} requests at once`],
    ];
    const where = `${route === undefined ? '' : ` on ${route}`}${model === undefined ? '' : ` of ${model}`}`;
    const bursts = said.map(([, extra = '']) => extra).join('');
    const texts = said.flatMap(([text = '']) => (text === '' ? [] : [text]));
    return `${texts.join(' and ')} per ${per}${where}${bursts}`;
  });
  return [
    `${rates.length === 0 ? 'no rate limits' : rates.join('; ')} (none from this machine itself)`,
    `${listen.connectionsMax} connections, ${listen.connectionsPerAddress} from one address elsewhere; bodies of ${bytesText(listen.bodyBytesMax)} in ${secondsText(listen.bodyMs)}; ` +
      `idle connections stay ${secondsText(listen.keepAliveMs)}`,
    `${queue.places} requests wait for a slot, in ${bytesText(queue.bytes)}`,
  ];
}

function findingRow({ what, used, says }: Finding, paint: Paint): readonly string[] {
  return [used ? paint('green', '  +') : paint('dim', '  -'), what, paint('dim', says)];
}

function indentTable(rows: readonly (readonly string[])[]): string {
  const [first = [], ...rest] = rows;
  return formatTable(first, rest);
}

function clientUrl({ config, port }: Started): string {
  return urlOf(config.listen.address.host, port, config.listen.tls);
}

function adminUrl({ config, adminPort }: Started): string {
  return urlOf(config.admin.listen.host, adminPort, config.admin.tls);
}

/** Who listens everywhere is reached on loopback too. */
export function urlOf(host: string, port: number, tls?: object): string {
  const reachable = host === '::' || host === '0.0.0.0' ? '127.0.0.1' : host;
  return `${tls === undefined ? 'http' : 'https'}://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

function bytesText(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${Number(size.toFixed(1))} ${units[unit]}`;
}

function secondsText(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${Number((ms / 1000).toFixed(1))} s`;
}

const periods: Readonly<Record<number, string>> = {
  1000: 'second',
  60000: 'minute',
  3600000: 'hour',
  86400000: 'day',
};

function rateText({ count, perMs }: { count: number; perMs: number }, what: string): string {
  return `${count} ${what} a ${periods[perMs] ?? `${perMs} ms`}`;
}

function burstText(burst: number | undefined): string {
  return burst === undefined ? '' : `, ${burst} at once`;
}
