/** The process of `steady-load.ts`, from outside. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Load, LoadPace, SeenLoad } from './load-facts.ts';

export interface LoadProcess {
  /** Where its LLM listens. */
  readonly url: string;
  begin(load: Load): void;
  /** What was seen since the last look. */
  look(): Promise<SeenLoad>;
  /** Sends nothing more; settles when all is answered, with what was seen since the last look. */
  rest(): Promise<SeenLoad>;
}

const resting: Load = { urls: [], keys: [], perSecond: 0, prompt: '' };

/** It ends with the test. */
export async function openLoadProcess(t: Pick<TestContext, 'after'>, pace?: LoadPace): Promise<LoadProcess> {
  const file = join(import.meta.dirname, 'steady-load.ts');
  const child = fork(file, pace === undefined ? [] : [JSON.stringify(pace)]);
  const ended = once(child, 'exit');
  const next = async () => {
    const [told] = await Promise.race([once(child, 'message'), ended.then(() => [])]);
    if (told === undefined) throw new Error('the process that asks has ended');
    return told as unknown;
  };
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const { port } = (await next()) as { port: number };
  const look = async () => {
    const told = next();
    child.send('look');
    return (await told) as SeenLoad;
  };
  return {
    url: `http://127.0.0.1:${port}/v1`,
    begin: (load) => void child.send(load),
    look,
    rest: () => {
      child.send(resting);
      return look();
    },
  };
}
