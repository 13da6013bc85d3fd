/** The log: JSON lines in a pipe, short lines on a terminal. One line an exchange, one a change of state. */
import type { Trail } from '../core/trail.ts';
import type { Clock } from '../lib/clock.ts';
import { LineWriter } from '../lib/line-writer.ts';
import { type Level, logLine, severities, severityOf } from './exchange-line.ts';

export interface Log {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
  /** `end` is the line that `endLine` gives. */
  exchange(trail: Trail, end: string): void;
  level: Level;
  /** Writes what is waiting, at once. */
  flush(): void;
}

const flushMs = { terminal: 0, pipe: 100 };
const pendingBytesMax = 8 * 1024 * 1024;
const standardOutput = 1;

export interface LogOptions {
  readonly level: Level;
  readonly terminal: boolean;
  readonly clock: Clock;
  /** Its number, where several processes write to the same place: each line says whose it is. */
  readonly worker?: number;
  /** Whether others write to the same place, who say whose their lines are. */
  readonly sharesOutput?: boolean;
}

/** So much a pipe takes as a whole, however many write to it: lines of several processes are not torn (POSIX: PIPE_BUF). */
const pipeBytes = 4096;

export function createLog(options: LogOptions): Log {
  const { clock, terminal, worker, sharesOutput = worker !== undefined } = options;
  // A reader that went away, or cannot keep up, must not take the gateway with it: its lines are dropped.
  const writer = new LineWriter({
    fd: standardOutput,
    clock,
    flushMs: terminal ? flushMs.terminal : flushMs.pipe,
    pendingBytesMax,
    ...(sharesOutput ? { chunkBytes: pipeBytes } : {}),
  });
  const whose = worker === undefined ? '{' : `{"worker":${worker},`;
  const add = terminal ? (line: string) => writer.add(shorten(line)) : (line: string) => writer.add(line);
  const write = worker === undefined ? add : (line: string) => add(whose + line.slice(1));
  const log = {
    level: options.level,
    debug: (facts: object, message: string) => say('debug', facts, message),
    info: (facts: object, message: string) => say('info', facts, message),
    warn: (facts: object, message: string) => say('warn', facts, message),
    error: (facts: object, message: string) => say('error', facts, message),
    exchange: (trail: Trail, end: string) => {
      if (severities[severityOf(trail.failure)] < severities[log.level]) return;
      write(logLine(trail, end, clock.wall()));
    },
    flush: () => writer.flushSync(),
  };
  const say = (level: Level, facts: object, message: string) => {
    if (severities[level] < severities[log.level]) return;
    write(`${JSON.stringify({ level: severities[level], time: clock.wall(), ...facts, msg: message })}\n`);
  };
  return log;
}

const marks: Readonly<Record<string, string>> = { 20: '·', 30: ' ', 40: '!', 50: 'x' };
const shown = ['worker', 'status', 'model', 'upstream', 'tookMs', 'code', 'message', 'file', 'cause'];

/** Names come from clients: what would move the cursor or colour the screen does not reach it. */
const control = /[\p{Cc}\p{Cf}]/gu;

function shorten(json: string): string {
  const line = JSON.parse(json) as Record<string, unknown>;
  const time = new Date(Number(line['time'])).toISOString().slice(11, 19);
  const mark = marks[String(line['level'])] ?? ' ';
  const detail = shown
    .filter((key) => line[key] !== undefined && line[key] !== '')
    .map((key) => `${key}=${String(line[key]).replaceAll(control, '?')}`)
    .join(' ');
  return `${time} ${mark} ${String(line['msg'])}${detail === '' ? '' : `  ${detail}`}\n`;
}
