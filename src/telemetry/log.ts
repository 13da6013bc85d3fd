/** The log: JSON lines in a pipe, short lines on a terminal. One line an exchange, one a change of state. */
import { destination, pino } from 'pino';
import type { Failure } from '../core/failure.ts';
import type { Trail } from '../core/trail.ts';

export interface Log {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
  /** `facts` are the members that `exchangeFacts` gives. */
  exchange(trail: Trail, facts: string): void;
  level: string;
  flush(): void;
}

const levels = { info: 30, warn: 40, error: 50 } as const;
const batchBytes = 15 * 1024;

export function createLog(options: { level: string; terminal: boolean }): Log {
  // Lines are gathered and written together; a crash writes what is left by `flush`.
  const out = destination({
    fd: 1,
    sync: false,
    minLength: options.terminal ? 0 : batchBytes,
    periodicFlush: 200,
  });
  // A reader that went away must not take the gateway with it.
  out.on('error', () => {});
  const write = options.terminal
    ? (line: string) => out.write(shorten(line))
    : (line: string) => out.write(line);
  const logger = pino({ level: options.level, base: null }, { write });
  return {
    info: (facts, message) => logger.info(facts, message),
    warn: (facts, message) => logger.warn(facts, message),
    error: (facts, message) => logger.error(facts, message),
    exchange: (trail, facts) => {
      const level = severity(trail.failure);
      if (!logger.isLevelEnabled(level)) return;
      const cause = causeOf(trail.failure);
      const message = `${trail.route || 'unknown route'} ${trail.outcome}`;
      write(`{"level":${levels[level]},"time":${Date.now()},${facts}${cause},"msg":"${message}"}\n`);
    },
    get level() {
      return logger.level;
    },
    set level(level: string) {
      logger.level = level;
    },
    flush: () => out.flushSync(),
  };
}

/** A client's mistake is everyday; an upstream's is worth a look; our own is a bug. */
function severity(failure: Failure | undefined): keyof typeof levels {
  if (failure === undefined || failure.blame === 'client') return 'info';
  return failure.code === 'internal' ? 'error' : 'warn';
}

const causeCharsMax = 500;
const stackCharsMax = 4_000;

/** The runtime's own words, for the operator alone. Our own bugs come with their stack. */
function causeOf(failure: Failure | undefined): string {
  const cause = failure?.cause;
  if (!(cause instanceof Error)) return '';
  const stack = failure?.code === 'internal' ? cause.stack?.slice(0, stackCharsMax) : undefined;
  return `,"cause":${JSON.stringify(stack ?? cause.message.slice(0, causeCharsMax))}`;
}

const marks: Readonly<Record<string, string>> = { 30: ' ', 40: '!', 50: 'x' };
const shown = ['status', 'model', 'upstream', 'tookMs', 'code', 'message', 'file', 'cause'];

function shorten(json: string): string {
  const line = JSON.parse(json) as Record<string, unknown>;
  const time = new Date(Number(line['time'])).toISOString().slice(11, 19);
  const mark = marks[String(line['level'])] ?? ' ';
  const detail = shown
    .filter((key) => line[key] !== undefined && line[key] !== '')
    .map((key) => `${key}=${String(line[key])}`)
    .join(' ');
  return `${time} ${mark} ${String(line['msg'])}${detail === '' ? '' : `  ${detail}`}\n`;
}
