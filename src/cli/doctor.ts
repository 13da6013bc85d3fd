/** `millrace doctor`: examines everything that a start and a request depend on. Changes nothing. */
import { Configuration } from '../config/configuration.ts';
import type { Finding } from '../config/discover.ts';
import type { LoadedConfig } from '../config/load.ts';
import { ConfigError, formatProblem } from '../config/problem.ts';
import { systemClock } from '../lib/clock.ts';
import { UpstreamPool } from '../wiring/upstreams.ts';
import { urlOf } from './banner.ts';
import { configFile } from './config-file.ts';
import { examineCertificates } from './examine/certificates.ts';
import { bad, type Diagnosis, ok, warn } from './examine/finding.ts';
import { examineIssuers } from './examine/issuers.ts';
import { examineData, examineFileLimit, examineRuntime } from './examine/machine.ts';
import { examinePorts } from './examine/ports.ts';
import { examineSecrets } from './examine/secrets.ts';
import { examineStores } from './examine/stores.ts';
import { examineUpstream } from './examine/upstream.ts';
import { flagOption, type Given, textOption } from './given.ts';
import type { Invocation } from './invocation.ts';
import { createPaint, type Paint } from './paint.ts';
import { readRunningFile } from './running-file.ts';
import { Trouble } from './trouble.ts';
import { readSecret, readTrust } from './whereabouts.ts';

export async function run(invocation: Invocation, given: Given): Promise<number> {
  const diagnoses = await examine(invocation, given);
  const failed = diagnoses.some(({ state }) => state === 'fail');
  if (flagOption(given, 'json')) {
    invocation.write(JSON.stringify({ ok: !failed, findings: diagnoses }));
  } else {
    const paint = createPaint(process.stdout.isTTY === true, invocation.environment);
    invocation.write(render(diagnoses, paint));
  }
  return failed ? 1 : 0;
}

async function examine(invocation: Invocation, given: Given): Promise<readonly Diagnosis[]> {
  const path = configFile(textOption(given, 'config'));
  const configuration = new Configuration({
    environment: invocation.environment,
    clock: systemClock,
    ...(path === undefined ? {} : { path }),
  });
  const runtime = examineRuntime();
  try {
    const loaded = await configuration.load();
    const findings = configuration.discovered?.findings ?? [];
    return [
      runtime,
      ...describeConfig(loaded, path, findings),
      ...(await examineData(loaded.config.data)),
      ...(await examineSecrets(loaded)),
      ...(await examineStores(loaded.config)),
      ...(await examineIssuers(loaded.config)),
      examineFileLimit(loaded.config),
      ...(await examineAddresses(loaded, invocation)),
      ...(await examineCertificates(loaded.config, systemClock.wall())),
      ...(await examineUpstreams(loaded, flagOption(given, 'paid'))),
    ];
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    const problems = thrown.problems.map(({ hint, ...problem }) =>
      bad(
        'configuration',
        formatProblem(problem),
        hint ?? `correct it; \`${invocation.typed('check')}\` says whether it is right`,
      ),
    );
    return [runtime, ...problems];
  } finally {
    await configuration.close();
  }
}

function describeConfig(
  { id, warnings }: LoadedConfig,
  path: string | undefined,
  findings: readonly Finding[],
): Diagnosis[] {
  return [
    ok('configuration', `${path ?? 'none: the defaults'}, ${id}`),
    ...warnings.map((warning) => warn('configuration', warning, 'see docs/configuration.md')),
    ...findings.map(({ what, says }) => ok('discovery', `${what}: ${says}`)),
  ];
}

async function examineAddresses({ config }: LoadedConfig, invocation: Invocation): Promise<Diagnosis[]> {
  const { data, listen, admin } = config;
  const token =
    invocation.environment['MILLRACE_ADMIN_TOKEN'] ?? admin.token?.reveal() ?? (await readToken(data));
  const url = (await readRunningFile(data))?.admin ?? urlOf(admin.listen.host, admin.listen.port, admin.tls);
  const { trust } = await readTrust(data, 'admin', url);
  const startBy = invocation.typed('serve');
  return await examinePorts({
    clients: listen.address,
    admin: admin.listen,
    running: token === undefined ? undefined : { url, token, startBy, ...(trust && { trust }) },
  });
}

/** One that may not be read is the data folder's finding; here it only means that nobody can be asked. */
async function readToken(folder: string): Promise<string | undefined> {
  try {
    return await readSecret(folder, 'admin-token');
  } catch (thrown) {
    if (thrown instanceof Trouble) return undefined;
    throw thrown;
  }
}

async function examineUpstreams({ config }: LoadedConfig, paid: boolean): Promise<Diagnosis[]> {
  const pool = new UpstreamPool(systemClock);
  try {
    // A child process with a model in it is no small question: its file is examined, and it is not started.
    const remote = Object.entries(config.upstreams).filter(([, { type }]) => type !== 'llamacpp');
    const { byName } = pool.reconcile({ upstreams: Object.fromEntries(remote) });
    const examined = Object.keys(config.upstreams).map((name) =>
      examineUpstream({ name, upstream: byName.get(name), config, clock: systemClock, paid }),
    );
    return (await Promise.all(examined)).flat();
  } finally {
    await pool.close();
  }
}

const marks = { ok: ['green', 'ok  '], warn: ['yellow', 'warn'], fail: ['red', 'FAIL'] } as const;

function render(diagnoses: readonly Diagnosis[], paint: Paint): string {
  const width = Math.max(...diagnoses.map(({ area }) => area.length));
  const lines = diagnoses.map(({ area, state, says, mend }) => {
    const [colour, mark] = marks[state];
    const line = `${paint(colour, mark)}  ${area.padEnd(width)}  ${says}`;
    return mend === undefined ? line : `${line}\n      ${' '.repeat(width)}  ${paint('bold', mend)}`;
  });
  const count = (state: Diagnosis['state']) =>
    diagnoses.filter((diagnosis) => diagnosis.state === state).length;
  return `${lines.join('\n')}\n\n${count('ok')} right, ${count('warn')} to look at, ${count('fail')} wrong`;
}
