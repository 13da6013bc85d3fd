/**
 * Large texts are read and written on a thread: to the library a text of 256 KiB is a second's work, and whoever is served
 * would stand still for it (G13). A small one is done with before a thread has begun.
 */
import { Worker } from 'node:worker_threads';
import { fail } from '../core/failure.ts';
import { systemClock } from '../lib/clock.ts';
import { type ReadText, type ReadYaml, readYaml } from './read-yaml.ts';
import { type YamlJobEnd, type YamlJobs, yamlJobs } from './yaml-jobs.ts';

/** Some 20 ms of work. */
export const charsHereMax = 16_384;
/** A file has 1 MiB at most, and becomes a thousand times as many bytes of nodes at the very worst. */
const heapMiBMax = 1_024;
/** The worst that is known takes seconds. Whoever waits behind one that hangs would wait for good. */
const threadMsMax = 120_000;

type Asked<Name extends keyof YamlJobs> = Parameters<YamlJobs[Name]>[0];
type Made<Name extends keyof YamlJobs> = ReturnType<YamlJobs[Name]>;

/** One thread at a time. Those who wait are bounded by who may ask. */
let work: Promise<unknown> = Promise.resolve();

/** `chars` is how long the text is. Throws what the job throws. */
export async function aside<Name extends keyof YamlJobs>(
  name: Name,
  asked: Asked<Name>,
  chars: number,
): Promise<Made<Name>> {
  if (chars <= charsHereMax) return yamlJobs[name](asked as never) as Made<Name>;
  const ending = work.then(() => onThread<Made<Name>>(name, asked));
  work = ending.catch(() => undefined);
  const end = await ending;
  if ('made' in end) return end.made;
  throw fail(end.failure.code, end.failure.message);
}

function onThread<Result>(name: keyof YamlJobs, asked: unknown): Promise<YamlJobEnd<Result>> {
  const { promise, resolve, reject } = Promise.withResolvers<YamlJobEnd<Result>>();
  const worker = new Worker(new URL('./yaml-thread.ts', import.meta.url), {
    workerData: { name, asked },
    resourceLimits: { maxOldGenerationSizeMb: heapMiBMax },
  });
  worker.once('message', resolve);
  worker.once('error', reject);
  const overdue = systemClock.after(threadMsMax, () => void worker.terminate());
  worker.once('exit', (code) => {
    overdue.cancel();
    reject(new Error(`the thread that reads a configuration ended with ${code}`));
  });
  return promise;
}

/** More often than that nobody begins anew: then the files change faster than they can be read. */
const textsMax = 128;

/**
 * For what reads texts as it comes upon them: it is begun again with each large one that was read aside, and so must
 * change nothing before it is through.
 */
export class TextsAside {
  readonly #known = new Map<string, ReadText>();

  async during<T>(run: (read: ReadYaml) => T): Promise<T> {
    for (;;) {
      try {
        return run((text, file) => this.#read(text, file));
      } catch (thrown) {
        if (!(thrown instanceof NotRead)) throw thrown;
        const { text, file } = thrown;
        this.#known.set(keyOf(text, file), await aside('read', { text, file }, text.length));
      }
    }
  }

  #read(text: string, file: string): ReadText {
    const known = this.#known.get(keyOf(text, file));
    if (known !== undefined) return { ...known, problems: [...known.problems] };
    if (text.length > charsHereMax && this.#known.size < textsMax) throw new NotRead(text, file);
    return readYaml(text, file);
  }
}

/** Not a failure: what is wanted first. */
class NotRead extends Error {
  readonly text: string;
  readonly file: string;

  constructor(text: string, file: string) {
    super('not read yet');
    this.text = text;
    this.file = file;
  }
}

function keyOf(text: string, file: string): string {
  return `${file}\n${text}`;
}
