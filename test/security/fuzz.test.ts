/** Whatever arrives, a parser throws a Failure with a 4xx or nothing, and the process lives (C2, C3). */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { Json } from '../../src/core/call.ts';
import { Failure } from '../../src/core/failure.ts';
import { callRoutes } from '../../src/protocol/call-routes.ts';
import { parseJsonBody } from '../../src/protocol/json-body.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { answerTo, closing, collect, requestBytes } from './raw.ts';

let gateway: TestGateway;
const warnings: Error[] = [];
const warned = (warning: Error) => void warnings.push(warning);
before(async () => {
  process.on('warning', warned);
  gateway = await openTestGateway({ config: { listen: { headersMs: 300, bodyMs: 300 } } });
});
after(async () => {
  await gateway.close();
  process.off('warning', warned);
  assert.deepEqual(warnings, [], 'no stage threw what the chain does not know');
});

const endpoints = [
  ...new Map(callRoutes({ bodyBytesMax: 1, bodyMs: 1 }).map(({ route }) => [route.name, route.endpoint])),
];

/** Names that endpoints know, so that values get past the top level. */
const names = fc.constantFrom(
  ...(
    'model messages message prompt query input text context suffix images stream stream_options tools tool_choice ' +
    'role content type image_url url function name arguments parameters tool_calls tool_call_id id thinking ' +
    'options num_ctx stop n logprobs top_logprobs seed temperature max_tokens max_completion_tokens format ' +
    'response_format json_schema schema strict keep_alive think reasoning_effort raw template system truncate ' +
    'dimensions encoding_format conversation_id echo best_of __proto__ constructor'
  ).split(' '),
);
const words = fc.constantFrom(
  'm',
  'user',
  'assistant',
  'system',
  'tool',
  'text',
  'image_url',
  'function',
  'json_object',
  'json_schema',
  'auto',
  'none',
  'high',
  'data:image/png;base64,AA==',
  '5m',
  '\u0000',
  '\ud83d\ude00',
);
const scalars = fc.oneof(words, fc.string(), fc.double(), fc.integer(), fc.boolean(), fc.constant(null));
const { value } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    scalars as fc.Arbitrary<Json>,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(names, tie('value'), { maxKeys: 6 }),
  ),
}));
const bodies = fc
  .tuple(fc.dictionary(names, value, { maxKeys: 10 }), fc.boolean())
  .map(([body, named]) => JSON.stringify(named ? { model: 'm', ...body } : body));

/** Parses as the chain does; whatever is thrown must be a refusal. */
function parses(parse: () => unknown): void {
  try {
    parse();
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.status >= 400 && thrown.status < 500) return;
    throw thrown;
  }
}

for (const [name, endpoint] of endpoints) {
  test(`${name} takes any JSON object, or refuses it with a 4xx`, () => {
    assert.ok(endpoint !== undefined);
    fc.assert(
      fc.property(bodies, (body) => parses(() => endpoint.parse(parseJsonBody(Buffer.from(body))))),
      { numRuns: 2000 },
    );
  });
}

test('any bytes are JSON within bounds, or refused with a 4xx', () => {
  const jsonLike = fc.string({ unit: fc.constantFrom(...'{}[]",:\\u00d8tfn1e9-. \n'), maxLength: 60 });
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 100 }),
        jsonLike.map((text) => Buffer.from(text)),
      ),
      (bytes) => parses(() => parseJsonBody(bytes)),
    ),
    { numRuns: 10_000 },
  );
});

test('the place of every top-level value is told exactly, whatever the JSON looks like', () => {
  fc.assert(
    fc.property(bodies, fc.constantFrom(undefined, 1, '\t'), (body, indent) => {
      const text = JSON.stringify(JSON.parse(body), null, indent);
      parses(() => {
        const parsed = parseJsonBody(Buffer.from(text));
        for (const [key, { start, end }] of parsed.spans) {
          const told = Buffer.from(parsed.bytes.subarray(start, end)).toString();
          assert.deepEqual(JSON.parse(told), parsed.value[key]);
        }
        assert.deepEqual([...parsed.spans.keys()].sort(), Object.keys(parsed.value).sort());
      });
    }),
    { numRuns: 3000 },
  );
});

const lines = fc.constantFrom(
  'GET / HTTP/1.1',
  'POST /v1/chat/completions HTTP/1.1',
  'POST /api/chat HTTP/1.0',
  'host: x',
  'content-length: 5',
  'content-length: -1',
  'transfer-encoding: chunked',
  'expect: 100-continue',
  'expect: nonsense',
  'connection: upgrade',
  'upgrade: h2c',
  'content-encoding: gzip',
  'content-type: text/html',
  'trailer: x',
  'te: trailers',
  ': x',
  '\0',
  '5\r\nhello',
  '0',
  '',
);
const garbage = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.array(lines, { minLength: 1, maxLength: 8 }).map((some) => Buffer.from(`${some.join('\r\n')}\r\n\r\n`)),
);

test('no garbage on the wire crashes the process, hangs a connection or shows our inside (C3)', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(garbage, { minLength: 20, maxLength: 20 }), async (all) => {
      const texts = await Promise.all(all.map(reaction));
      for (const text of texts) {
        assert.ok(!/\bat .+:\d+:\d+|node:internal|\.ts:\d+|HPE_|ERR_/.test(text), text);
        assert.ok(!/^HTTP\/1\.1 5/m.test(text), text);
      }
    }),
    { numRuns: 20 },
  );
  const answer = await answerTo(gateway.port, requestBytes({ path: '/livez' }));
  assert.equal(answer.status, 200);
  assert.equal(gateway.gateway.listener.inFlight, 0);
});

/** Sends it, says that nothing more comes, and reads until the other side is done. */
async function reaction(bytes: Buffer): Promise<string> {
  const socket = connect({ port: gateway.port, host: '127.0.0.1' });
  const text = collect(socket);
  socket.end(bytes);
  await closing(socket);
  return text();
}
