/** The log: JSON lines in a pipe, short lines on a terminal. One line an exchange, one a change of state. */
import type { Failure } from '../core/failure.ts';
import type { Trail } from '../core/trail.ts';
import type { Clock } from '../lib/clock.ts';
import { LineWriter } from '../lib/line-writer.ts';

export interface Log {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
  /** `facts` are the members that `exchangeFacts` gives. */
  exchange(trail: Trail, facts: string): void;
  level: Level;
  /** Writes what is waiting, at once. */
  flush(): void;
}

type Level = 'debug' | 'info' | 'warn' | 'error';

const severities: Readonly<Record<Level, number>> = { debug: 20, info: 30, warn: 40, error: 50 };
const flushMs = { terminal: 0, pipe: 100 };
const pendingBytesMax = 8 * 1024 * 1024;
const standardOutput = 1;

export function createLog(options: { level: Level; terminal: boolean; clock: Clock }): Log {
  const { clock, terminal } = options;
  // A reader that went away, or cannot keep up, must not take the gateway with it: its lines are dropped.
  const writer = new LineWriter({
    fd: standardOutput,
    clock,
    flushMs: terminal ? flushMs.terminal : flushMs.pipe,
    pendingBytesMax,
  });
  const write = terminal ? (line: string) => writer.add(shorten(line)) : (line: string) => writer.add(line);
  const log = {
    level: options.level,
    info: (facts: object, message: string) => say('info', facts, message),
    warn: (facts: object, message: string) => say('warn', facts, message),
    error: (facts: object, message: string) => say('error', facts, message),
    exchange: (trail: Trail, facts: string) => {
      const level = severity(trail.failure);
      if (severities[level] < severities[log.level]) return;
      const message = `${trail.route || 'unknown route'} ${trail.outcome}`;
      write(
        `{"level":${severities[level]},"time":${clock.wall()},${facts}${causeOf(trail.failure)},"msg":"${message}"}\n`,
      );
    },
    flush: () => writer.flushSync(),
  };
  const say = (level: Level, facts: object, message: string) => {
    if (severities[level] < severities[log.level]) return;
    write(`${JSON.stringify({ level: severities[level], time: clock.wall(), ...facts, msg: message })}\n`);
  };
  return log;
}

/** A client's mistake is everyday; an upstream's is worth a look; our own is a bug. */
function severity(failure: Failure | undefined): Level {
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
