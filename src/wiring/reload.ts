/** Takes over a changed configuration while requests run: all of it, or nothing and the reasons (G24). */
import { installChanges, keepInstallHalf, type LoadedConfig } from '../config/load.ts';
import { ConfigError, formatProblem, type Problem } from '../config/problem.ts';
import type { Log } from '../telemetry/log.ts';
import type { Gateway } from './gateway.ts';
import type { WorkerConfig } from './workers/workers.ts';

export interface ReloaderOptions {
  readonly gateway: Gateway;
  readonly log: Log;
  /** What the gateway started with. */
  readonly started: LoadedConfig;
  readonly load: () => Promise<LoadedConfig>;
  /** Told what is in force now: it may have been read from other files. */
  readonly onLoaded: (loaded: LoadedConfig) => void;
  /** Has the workers take over what was taken over here, where there are any. */
  readonly spread?: (loaded: LoadedConfig) => Promise<readonly WorkerConfig[]>;
  /** Reads the listeners' certificates again, whatever becomes of the configuration; tells what is wrong with them. */
  readonly renewCertificates: () => Promise<readonly string[]>;
}

export type Reloaded =
  | {
      readonly outcome: 'taken' | 'unchanged';
      readonly configId: string;
      /** Settings that differ and are read at a start alone. */
      readonly needsRestart: readonly string[];
      readonly warnings: readonly string[];
      /** What became of it at each worker, where there are any. */
      readonly workers?: readonly WorkerConfig[];
    }
  | { readonly outcome: 'refused'; readonly configId: string; readonly problems: readonly Problem[] };

/** As many are named in the log. */
const filesMax = 20;

export class Reloader {
  readonly #options: ReloaderOptions;
  #inForce: LoadedConfig;
  #running: Promise<Reloaded> | undefined;
  #next: Promise<Reloaded> | undefined;

  constructor(options: ReloaderOptions) {
    this.#options = options;
    this.#inForce = options.started;
  }

  /** The configuration in force. */
  get loaded(): LoadedConfig {
    return this.#inForce;
  }

  /**
   * One after the other. Whoever asks while one runs shares the next one, which begins after their asking and so
   * sees what they changed; a storm of calls costs two.
   */
  reload(why: string): Promise<Reloaded> {
    if (this.#running === undefined) return this.#start(why);
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.#start(why);
    });
    return this.#next;
  }

  /** What a reload would do, without doing it. */
  async check(): Promise<Reloaded> {
    try {
      const loaded = await this.#options.load();
      return this.#judge(loaded, keepInstallHalf(loaded, this.#options.started.config));
    } catch (thrown) {
      return this.#refuse(thrown);
    }
  }

  #start(why: string): Promise<Reloaded> {
    const running = this.#take(why).finally(() => {
      this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  async #take(why: string): Promise<Reloaded> {
    const { gateway, log, load, started } = this.#options;
    const refusedCertificates = await this.#options.renewCertificates();
    try {
      const loaded = await load();
      log.debug({ why, files: loaded.files.slice(0, filesMax) }, 'the configuration is read');
      const next = keepInstallHalf(loaded, started.config);
      const judged = this.#judge(loaded, next);
      // A mistake that is made here is made before anybody else could make it.
      if (judged.outcome === 'taken') gateway.reload(next);
      this.#inForce = next;
      const workers = judged.outcome === 'taken' ? await this.#options.spread?.(next) : undefined;
      this.#options.onLoaded(next);
      this.#report(judged, why);
      if (judged.outcome === 'taken') this.#audit(why, 'done', judged.configId);
      const warnings = [...judged.warnings, ...refusedCertificates];
      return { ...judged, warnings, ...(workers === undefined ? {} : { workers }) };
    } catch (thrown) {
      const refused = this.#refuse(thrown);
      const message = refused.problems.map(formatProblem).join('\n');
      log.error({ why, message }, 'the configuration is refused; the one in force stays');
      this.#audit(why, 'failed', refused.configId);
      return refused;
    }
  }

  /** What came by the admin API is written down there, with who asked. All else has happened before anybody could refuse it. */
  #audit(why: string, outcome: 'done' | 'failed', configId: string): void {
    if (why === 'command') return;
    const { auditor } = this.#options.gateway.lasting;
    const nobody = { actor: why, tenant: '', address: '' };
    auditor.note({ ...nobody, action: 'config.reload', object: configId, detail: {} }, outcome);
  }

  #judge(loaded: LoadedConfig, next: LoadedConfig): Exclude<Reloaded, { outcome: 'refused' }> {
    return {
      outcome: next.id === this.#inForce.id ? 'unchanged' : 'taken',
      configId: next.id,
      needsRestart: installChanges(loaded, this.#options.started.config),
      warnings: loaded.warnings,
    };
  }

  #refuse(thrown: unknown): Extract<Reloaded, { outcome: 'refused' }> {
    const configId = this.#inForce.id;
    if (thrown instanceof ConfigError) return { outcome: 'refused', configId, problems: thrown.problems };
    // A mistake of ours is no reason to stop serving by the configuration that works.
    const cause = thrown instanceof Error ? thrown.stack : String(thrown);
    this.#options.log.error({ cause }, 'a mistake of the gateway itself while reading the configuration');
    const message = 'the gateway made a mistake while reading it; its log has the reason';
    return {
      outcome: 'refused',
      configId,
      problems: [{ file: 'millrace', line: 0, column: 0, path: '', message }],
    };
  }

  #report(judged: Exclude<Reloaded, { outcome: 'refused' }>, why: string): void {
    const { log } = this.#options;
    const { configId, needsRestart } = judged;
    if (judged.outcome === 'unchanged' && needsRestart.length === 0) {
      // Nobody asked, and it happens every few minutes.
      if (why === 'secrets') log.debug({ why, configId }, 'the configuration has not changed');
      else log.info({ why, configId }, 'the configuration has not changed');
      return;
    }
    if (judged.outcome === 'taken') log.info({ why, configId }, 'the configuration is taken over');
    for (const warning of judged.warnings) log.warn({ why }, warning);
    if (needsRestart.length > 0)
      log.warn(
        { why, needsRestart, message: needsRestart.join(', ') },
        'these changes need a restart and wait for it',
      );
  }
}
