/** What is wrong with a configuration, and where. Never holds a value: it may be a secret. */

export interface Place {
  /** A file, or the environment variable that said it. */
  readonly file: string;
  /** From 1; 0 where a place has no lines. */
  readonly line: number;
  readonly column: number;
}

export interface Problem extends Place {
  /** The key as a path: `upstreams.gpu-a.url`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
}

/** In the place of a file's name, where a text is looked at that is not in force. */
export const proposedName = 'proposed';

export class ConfigError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], options?: ErrorOptions) {
    super(problems.map(formatProblem).join('\n'), options);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** `millrace.yaml:3:7: queue.places: must be …; did you mean …?` */
export function formatProblem(problem: Problem): string {
  const place = formatPlace(problem);
  const path = problem.path === '' ? '' : `${problem.path}: `;
  const hint = problem.hint === undefined ? '' : `; ${problem.hint}`;
  return `${place}: ${path}${problem.message}${hint}`;
}

export function formatPlace({ file, line, column }: Place): string {
  return line === 0 ? file : `${file}:${line}:${column}`;
}

/** `keys[0].name`, for people. */
export function formatPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += text === '' ? String(step) : `.${String(step)}`;
  }
  return text;
}
