// An answer before the faults: frames in the words of one dialect, and what that dialect says when it fails.

export interface Frame {
  /** `content` is what clocks and faults count, `end` the marker that the stream is complete. */
  readonly kind: 'content' | 'other' | 'end';
  readonly text: string;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly streamed: boolean;
  /** May be read more than once, and may be endless. */
  readonly frames: Iterable<Frame>;
  /** How many content chunks a whole answer stands for; its time depends on it. */
  readonly tokens: number;
  /** What the dialect says inside a stream that fails. */
  readonly errorFrame: string;
  /** What the dialect ignores. */
  readonly quietFrame: string;
}

/** Lets a generator be read more than once. */
export const replayable = <T>(open: () => Iterator<T>): Iterable<T> => ({ [Symbol.iterator]: open });

export const jsonReply = (value: unknown, options: { status?: number; tokens?: number } = {}): Reply => ({
  ...wholeReply(JSON.stringify(value), 'application/json'),
  status: options.status ?? 200,
  tokens: options.tokens ?? 1,
});

export const wholeReply = (text: string, contentType: string): Reply => ({
  status: 200,
  headers: text === '' ? {} : { 'content-type': contentType },
  streamed: false,
  frames: [{ kind: 'content', text }],
  tokens: 1,
  errorFrame: '',
  quietFrame: '\n',
});

export const sseReply = (frames: Iterable<Frame>, error: unknown): Reply => ({
  status: 200,
  headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' },
  streamed: true,
  frames,
  tokens: 0,
  errorFrame: sseEvent(error),
  quietFrame: ': keep-alive\n\n',
});

export const ndjsonReply = (frames: Iterable<Frame>, error: unknown): Reply => ({
  status: 200,
  headers: { 'content-type': 'application/x-ndjson' },
  streamed: true,
  frames,
  tokens: 0,
  errorFrame: ndjsonLine(error),
  quietFrame: '\n',
});

export const sseEvent = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;

export const ndjsonLine = (value: unknown): string => `${JSON.stringify(value)}\n`;
