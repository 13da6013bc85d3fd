/** What OpenAI's own client makes of failures: the right class, the right words, and no storm of retries. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import OpenAI, {
  APIError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  RateLimitError,
  UnprocessableEntityError,
} from 'openai';
import { until } from '../faults/rig.ts';
import type { Behaviour } from '../upstream/behaviour.ts';
import { ended, type Fleet, model, ollamaFake, openaiFake } from './fleet-kinds.ts';

const messages = [{ role: 'user' as const, content: 'one two three four' }];
const asked = { model, messages };
const secret = 'Incorrect API key provided: sk-their-secret';

interface Row {
  readonly what: string;
  readonly behaviour: Partial<Behaviour>;
  readonly error: abstract new (...args: never[]) => APIError;
  readonly code: string;
}

const rows: readonly Row[] = [
  { what: 'a 400', behaviour: { status: 400 }, error: BadRequestError, code: 'upstream_rejected' },
  { what: 'a 422', behaviour: { status: 422 }, error: UnprocessableEntityError, code: 'upstream_rejected' },
  {
    what: 'a 401, which is about our key and not the client’s (G5)',
    behaviour: { status: 401, body: JSON.stringify({ error: { message: secret } }) },
    error: InternalServerError,
    code: 'upstream_unauthorized',
  },
  { what: 'a 403', behaviour: { status: 403 }, error: InternalServerError, code: 'upstream_unauthorized' },
  {
    what: 'a model that is gone',
    behaviour: { unknownModel: 'refuse', models: ['another'], only: /./ },
    error: NotFoundError,
    code: 'model_not_found',
  },
  { what: 'a 429', behaviour: { status: 429 }, error: RateLimitError, code: 'rate_limit_exceeded' },
  { what: 'a 500', behaviour: { status: 500 }, error: InternalServerError, code: 'upstream_failed' },
  { what: 'a 503', behaviour: { status: 503 }, error: InternalServerError, code: 'upstream_overloaded' },
  {
    what: 'an HTML page',
    behaviour: { status: 502, body: '<html>bad gateway</html>' },
    error: InternalServerError,
    code: 'upstream_failed',
  },
  {
    what: 'a page instead of an answer',
    behaviour: { body: '<html></html>' },
    error: InternalServerError,
    code: 'bad_upstream_response',
  },
  {
    what: 'a cut in the middle',
    behaviour: { cutAfterBytes: 40 },
    error: InternalServerError,
    code: 'upstream_cut',
  },
];

for (const kind of [openaiFake, ollamaFake]) {
  describe(`the openai package, when ${kind.name} fails`, () => {
    for (const { what, behaviour, error, code } of rows) {
      test(`${what} becomes ${error.name}, and the client sends nothing twice (G17)`, async () => {
        await using fleet = await kind.open({ behaviour });
        const failure = await failureOf(fleet.openai.chat.completions.create(asked));
        assert.ok(failure instanceof error, `${failure.name}: ${failure.message}`);
        assert.equal(failure.code, code);
        assert.match(failure.requestID ?? '', /^[0-9a-f-]{36}$/);
        assert.doesNotMatch(failure.message, /sk-/);
        assert.equal(calls(fleet), 1);
      });
    }

    test('a stream that breaks after its first words throws after them, with our id', async () => {
      for (const behaviour of [
        { errorEventAfter: 2 },
        { cutAfterBytes: 500 },
        { endMarker: 'never' },
      ] as const) {
        await using fleet = await kind.open({ behaviour: { ...behaviour, tokensPerSecond: 500 } });
        const stream = await fleet.openai.chat.completions.create({ ...asked, stream: true });
        let said = '';
        const failure = await failureOf(
          (async () => {
            for await (const chunk of stream) said += chunk.choices[0]?.delta.content ?? '';
          })(),
        );
        assert.match(said, /^echo:/);
        assert.match(failure.code ?? '', /^upstream_(?:failed|cut)$/);
        assert.match((failure.error as { request_id: string }).request_id, /^[0-9a-f-]{36}$/);
        await ended(fleet, 'failed');
        // The gateway may have asked its server for the rest (G17); the client asks nobody twice.
        assert.equal(fleet.gateway.exchangeLines.length, 1);
      }
    });

    test('a failure before the first word of a stream has a status of its own', async () => {
      await using fleet = await kind.open({ behaviour: { status: 503 } });
      const failure = await failureOf(fleet.openai.chat.completions.create({ ...asked, stream: true }));
      assert.ok(failure instanceof InternalServerError);
      assert.equal(failure.status, 503);
    });
  });
}

test('a wrong key is an AuthenticationError that never reaches a server', async () => {
  await using fleet = await openaiFake.open();
  const client = new OpenAI({ baseURL: `${fleet.gateway.url}/v1`, apiKey: 'sk-mr-wrong' });
  const failure = await failureOf(client.chat.completions.create(asked));
  assert.ok(failure instanceof AuthenticationError);
  assert.equal(failure.code, 'invalid_api_key');
  assert.equal(calls(fleet), 0);
});

const once = { maxRetries: 0 };

test('an unknown model is a NotFoundError that says what was meant', async () => {
  await using fleet = await openaiFake.open();
  const request = { ...asked, model: 'asistant' };
  // Who asks before the server has told what it has comes again after five seconds.
  const status = async () => (await failureOf(fleet.openai.chat.completions.create(request, once))).status;
  await until('it is known what there is', async () => (await status()) === 404);
  const failure = await failureOf(fleet.openai.chat.completions.create(request));
  assert.ok(failure instanceof NotFoundError);
  assert.equal(failure.code, 'model_not_found');
  assert.equal(failure.param, 'model');
  assert.match(failure.message, /did you mean assistant/);
  const listed = await failureOf(fleet.openai.models.retrieve('asistant'));
  assert.ok(listed instanceof NotFoundError);
});

test('a bad field is a BadRequestError that names it', async () => {
  await using fleet = await openaiFake.open();
  const bad: readonly [object, string][] = [
    [{ temperature: -1 }, 'temperature'],
    [{ messages: [] }, 'messages'],
    [{ messages: [{ role: 'king', content: '' }] }, 'messages[0].role'],
    [{ n: 9 }, 'n'],
    [{ response_format: { type: 'json_schema' } }, 'response_format.json_schema'],
  ];
  for (const [fields, param] of bad) {
    const body = { ...asked, ...fields };
    const failure = await failureOf(fleet.openai.post('/chat/completions', { body }));
    assert.ok(failure instanceof BadRequestError);
    assert.equal(failure.param, param);
    assert.equal(failure.type, 'invalid_request_error');
  }
  assert.equal(calls(fleet), 0);
});

test('a full queue is a RateLimitError that the client does not answer with more of the same (G14)', async () => {
  await using fleet = await openaiFake.open({
    upstream: { slots: 1 },
    config: { queue: { places: 0 } },
    behaviour: { endless: true },
  });
  const holder = await fleet.openai.chat.completions.create({ ...asked, stream: true });
  const failure = await failureOf(fleet.openai.chat.completions.create(asked));
  assert.ok(failure instanceof RateLimitError);
  assert.equal(failure.code, 'rate_limit_exceeded');
  assert.equal(calls(fleet), 1);
  holder.controller.abort();
});

async function failureOf(asking: PromiseLike<unknown>): Promise<APIError> {
  try {
    await asking;
  } catch (thrown) {
    assert.ok(thrown instanceof APIError, String(thrown));
    return thrown;
  }
  assert.fail('it was answered');
}

/** How often the server behind was asked for an answer. */
function calls({ fake }: Fleet): number {
  return fake?.requests.filter(({ method }) => method === 'POST').length ?? 0;
}
