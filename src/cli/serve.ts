/** `millrace serve`: runs the gateway until it is told to stop. */
import { ConfigError, formatProblem } from '../config/problem.ts';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { openOwnSecrets } from '../identity/own-secrets.ts';
import { systemClock } from '../lib/clock.ts';
import { createLog } from '../telemetry/log.ts';
import { type Gateway, openGateway } from '../wiring/gateway.ts';
import type { Invocation } from './run-command.ts';

export async function serve(invocation: Invocation, options: { config?: string }): Promise<number> {
  let loaded: LoadedConfig;
  try {
    loaded = loadConfig({
      env: invocation.environment,
      ...(options.config === undefined ? {} : { path: options.config }),
    });
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    for (const problem of thrown.problems) invocation.warn(formatProblem(problem));
    return 2;
  }
  const terminal = process.stdout.isTTY === true;
  const log = createLog({ level: loaded.config.telemetry.logs.level, terminal });
  const secrets = await openOwnSecrets(loaded.config.data);
  const gateway = await openGateway({
    loaded,
    log,
    clock: systemClock,
    ownKeys: [
      {
        key: secrets.clientKey,
        principal: { keyName: 'first', tenant: 'default', role: 'operator' },
      },
    ],
  });
  log.info({ port: gateway.listener.port }, 'ready');
  log.flush();
  await stopped(gateway);
  return 0;
}

/** Ctrl-C ends at once; SIGTERM lets what is in flight end. */
function stopped(gateway: Gateway): Promise<void> {
  return new Promise((resolve) => {
    const stop = (graceMs?: number) => void gateway.close(graceMs).then(resolve);
    process.once('SIGINT', () => stop(0));
    process.once('SIGTERM', () => {
      process.once('SIGTERM', () => stop(0));
      stop();
    });
  });
}
