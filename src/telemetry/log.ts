/** The log: JSON lines in a pipe, short lines on a terminal. One line an exchange, one a change of state. */
import { destination, type Logger, pino } from 'pino';
import type { Trail } from '../core/trail.ts';
import { summarize } from './summary.ts';

export interface Log {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
  exchange(trail: Trail): void;
  level: string;
  flush(): void;
}

export function createLog(options: { level: string; terminal: boolean }): Log {
  // Lines are gathered and written together; a crash writes what is left by `flush`.
  const out = destination({ fd: 1, sync: false, minLength: options.terminal ? 0 : 4096, periodicFlush: 200 });
  // A reader that went away must not take the gateway with it.
  out.on('error', () => {});
  const logger = options.terminal
    ? forTerminal(options.level, out)
    : pino({ level: options.level, base: null }, out);
  return {
    info: (facts, message) => logger.info(facts, message),
    warn: (facts, message) => logger.warn(facts, message),
    error: (facts, message) => logger.error(facts, message),
    exchange: (trail) => logExchange(logger, trail),
    get level() {
      return logger.level;
    },
    set level(level: string) {
      logger.level = level;
    },
    flush: () => out.flushSync(),
  };
}

function logExchange(logger: Logger, trail: Trail): void {
  const { failure } = trail;
  const summary = summarize(trail);
  const text = `${trail.route || 'unknown route'} ${trail.outcome}`;
  if (failure === undefined || failure.blame === 'client') logger.info(summary, text);
  else if (failure.code === 'internal') logger.error({ ...summary, err: failure.cause }, text);
  else logger.warn({ ...summary, cause: causeOf(failure.cause) }, text);
}

function causeOf(cause: unknown): string | undefined {
  return cause instanceof Error ? cause.message.slice(0, 500) : undefined;
}

function forTerminal(level: string, out: { write(line: string): boolean | undefined }): Logger {
  return pino(
    { level, base: null },
    { write: (line: string) => void out.write(`${shorten(JSON.parse(line) as Record<string, unknown>)}\n`) },
  );
}

const marks: Readonly<Record<string, string>> = { 30: ' ', 40: '!', 50: 'x' };

function shorten(line: Record<string, unknown>): string {
  const time = new Date(Number(line['time'])).toISOString().slice(11, 19);
  const mark = marks[String(line['level'])] ?? ' ';
  const detail = ['status', 'model', 'upstream', 'tookMs', 'code', 'message', 'file', 'cause']
    .filter((key) => line[key] !== undefined && line[key] !== '')
    .map((key) => `${key}=${String(line[key])}`)
    .join(' ');
  return `${time} ${mark} ${String(line['msg'])}${detail === '' ? '' : `  ${detail}`}`;
}
