/** What Ollama's own client throws, looked at closely. */
import assert from 'node:assert/strict';
import type { Ability } from './fleet-kinds.ts';

/** The package has this class and does not export it. */
export interface ResponseError extends Error {
  readonly status_code: number;
}

export async function failureOf(asking: Promise<unknown>): Promise<ResponseError> {
  try {
    await asking;
  } catch (thrown) {
    assert.ok(thrown instanceof Error, String(thrown));
    return thrown as ResponseError;
  }
  assert.fail('it was answered');
}

/** Does the work, or sees it refused with 400 in words that name the field. */
export async function asAble(ability: Ability, work: () => Promise<void>): Promise<void> {
  if (ability === true) return await work();
  const failure = await failureOf(work());
  assert.equal(failure.status_code, 400, failure.message);
  assert.ok(failure.message.includes(ability.refused), failure.message);
}
