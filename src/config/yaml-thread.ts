/** One job on a text that is too large to be read while others wait. The thread ends with it. */
import { parentPort, workerData } from 'node:worker_threads';
import { Failure } from '../core/failure.ts';
import { type YamlJobEnd, type YamlJobs, yamlJobs } from './yaml-jobs.ts';

const { name, asked } = workerData as { readonly name: keyof YamlJobs; readonly asked: never };

parentPort?.postMessage(end());

function end(): YamlJobEnd<unknown> {
  try {
    return { made: yamlJobs[name](asked) };
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    return { failure: { code: thrown.code, message: thrown.message } };
  }
}
