import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openaiAdapter } from './adapter.ts';

const error = (fields: object) => JSON.stringify({ error: fields });

/** Statuses and bodies as OpenAI, vLLM, llama.cpp, LM Studio and FastAPI write them. */
const rows: readonly (readonly [status: number, body: string, code: string, onWire: number])[] = [
  [400, error({ message: 'bad', type: 'invalid_request_error', param: 'n' }), 'upstream_rejected', 400],
  [400, error({ message: 'x', code: 'context_length_exceeded' }), 'context_length_exceeded', 400],
  [
    400,
    error({
      message: "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens",
      type: 'BadRequestError',
      code: 400,
    }),
    'context_length_exceeded',
    400,
  ],
  [
    400,
    error({
      code: 400,
      message: 'the request exceeds the available context size, try increasing it',
      type: 'exceed_context_size_error',
    }),
    'context_length_exceeded',
    400,
  ],
  [401, error({ message: 'Incorrect API key provided: sk-theirs' }), 'upstream_unauthorized', 502],
  [402, error({ message: 'sk-theirs has no credits' }), 'upstream_rate_limited', 429],
  [403, error({ message: 'org-theirs may not' }), 'upstream_unauthorized', 502],
  [
    403,
    error({ code: 403, message: 'Your input was flagged', metadata: { flagged_input: 'x' } }),
    'upstream_rejected',
    400,
  ],
  [404, error({ message: 'The model `x` does not exist' }), 'upstream_model_missing', 404],
  [408, '', 'upstream_failed', 502],
  [413, '', 'body_too_large', 413],
  [422, '{"detail":"no such field"}', 'upstream_rejected', 422],
  [422, '{"detail":[{"loc":["body"],"msg":"no"}]}', 'upstream_rejected', 422],
  [429, error({ message: 'Rate limit reached for org-theirs' }), 'upstream_rate_limited', 429],
  [
    429,
    error({
      message:
        'Request too large for gpt-4o in organization org-theirs on tokens per min (TPM): Limit 30000, Requested 30601.',
      code: 'rate_limit_exceeded',
    }),
    'context_length_exceeded',
    400,
  ],
  [500, error({ message: 'sk-theirs' }), 'upstream_failed', 502],
  [502, `<html>${'y'.repeat(9000)}`, 'upstream_failed', 502],
  [
    503,
    error({ code: 503, message: 'Loading model', type: 'unavailable_error' }),
    'upstream_overloaded',
    503,
  ],
  [529, '', 'upstream_overloaded', 503],
  [301, '', 'upstream_failed', 502],
  [400, 'null', 'upstream_rejected', 400],
  [400, '{"error":"plain words"}', 'upstream_rejected', 400],
];
for (const [status, body, code, onWire] of rows) {
  test(`status ${status} with ${body.slice(0, 60)} is ${code}`, () => {
    const failure = openaiAdapter.decodeFailure(status, body);
    assert.equal(failure.code, code);
    assert.equal(failure.status, onWire);
    assert.ok(failure.message.length > 0 && failure.message.length <= 500);
    assert.doesNotMatch(failure.message, /sk-|org-/);
  });
}

test('a refusal keeps its words and the field it is about, and what is hidden is kept for the log', () => {
  const rejected = openaiAdapter.decodeFailure(400, error({ message: 'bad n', param: 'n' }));
  assert.deepEqual([rejected.message, rejected.param], ['bad n', 'n']);
  assert.equal(openaiAdapter.decodeFailure(400, '{"error":"plain words"}').message, 'plain words');
  const hidden = openaiAdapter.decodeFailure(401, error({ message: 'sk-theirs' }));
  assert.match(String(hidden.cause), /sk-theirs/);
});
