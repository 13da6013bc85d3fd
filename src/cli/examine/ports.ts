/** Whether the gateway runs, and if not whether its addresses are free. */
import { statusShape } from '../../admin/shapes.ts';
import { formatListenAddress, type ListenAddress } from '../../net/listen-address.ts';
import { type AdminPlace, askAdmin } from '../admin-client.ts';
import { urlOf } from '../banner.ts';
import { tryToListen } from '../listen-trial.ts';
import { Trouble } from '../trouble.ts';
import { bad, type Diagnosis, ok } from './finding.ts';

export interface Addresses {
  readonly clients: ListenAddress;
  readonly admin: ListenAddress;
  /** Where the gateway of this data folder should answer, and with which token; nothing before a first start. */
  readonly running: AdminPlace | undefined;
}

export async function examinePorts({ clients, admin, running }: Addresses): Promise<Diagnosis[]> {
  const asked = running === undefined ? undefined : await askStatus(running);
  const ours = asked !== undefined && 'version' in asked;
  const free = await Promise.all(
    (
      [
        ['listen', clients],
        ['admin.listen', admin],
      ] as const
    ).map(([setting, address]) => examineAddress(setting, address, ours)),
  );
  if (asked === undefined) return [...free, ok('gateway', 'does not run at this moment')];
  if ('version' in asked) {
    const state = asked.accepting ? 'takes work' : 'is stopping';
    return [...free, ok('gateway', `Millrace ${asked.version} runs as process ${asked.pid} and ${state}`)];
  }
  // Nobody answers: whether someone else sits on the address has been said already.
  return asked.refused === undefined
    ? [...free, ok('gateway', 'does not run at this moment')]
    : [...free, bad('gateway', asked.refused, 'stop what is there, or set admin.listen and start again')];
}

async function askStatus(place: AdminPlace) {
  try {
    return await askAdmin(place, { path: 'status', shape: statusShape });
  } catch (thrown) {
    if (!(thrown instanceof Trouble)) throw thrown;
    return { refused: thrown.cause === undefined ? thrown.message : undefined };
  }
}

async function examineAddress(setting: string, address: ListenAddress, ours: boolean): Promise<Diagnosis> {
  const text = formatListenAddress(address);
  const code = await tryToListen(address);
  if (code === undefined) return ok(setting, `${text} is free`);
  if (code === 'EADDRINUSE' && ours) return ok(setting, `${text} is ours`);
  if (code === 'EADDRINUSE' && (await isMillrace(address))) {
    return bad(
      setting,
      `${text}: another Millrace runs there, with another data folder`,
      `stop that one, or set ${setting}: 127.0.0.1:${otherPort(address)}`,
    );
  }
  const explained = Object.hasOwn(explanations, code) ? explanations[code] : undefined;
  return bad(
    setting,
    `${text} ${explained ?? `cannot be listened on (${code})`}`,
    `${setting}: 127.0.0.1:${otherPort(address)}`,
  );
}

const explanations: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another process',
  EACCES: 'may not be listened on by this user',
  EADDRNOTAVAIL: 'is no address of this machine',
  ENOTFOUND: 'is no name that this machine knows',
};

const identifyMs = 2_000;

/** Either listener tells without a key or token: clients' answers carry our id, the operators' refusals our realm. */
async function isMillrace({ host, port }: ListenAddress): Promise<boolean> {
  try {
    const { headers, body } = await fetch(`${urlOf(host, port)}/admin/api/v1/status`, {
      signal: AbortSignal.timeout(identifyMs),
      redirect: 'manual',
    });
    await body?.cancel();
    return headers.has('x-millrace-id') || /millrace-admin/.test(headers.get('www-authenticate') ?? '');
  } catch {
    // Whoever does not speak HTTP is another program.
    return false;
  }
}

function otherPort({ port }: ListenAddress): number {
  return port < 1024 ? 7070 : port + 10 > 65_535 ? 7070 : port + 10;
}
