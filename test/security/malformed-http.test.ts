/** What is not quite HTTP is refused and its connection closed; nothing of it reaches an upstream twice (C3). */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { type FakeLlm, openFakeLlm } from '../upstream/fake-llm.ts';
import { answerTo, requestBytes, untilClosed } from './raw.ts';

let upstream: FakeLlm;
let gateway: TestGateway;
before(async () => {
  upstream = await openFakeLlm();
  gateway = await openTestGateway({
    config: {
      upstreams: { fake: { type: 'openai', url: upstream.url } },
      models: { m: { targets: [{ upstream: 'fake', model: 'm' }] } },
    },
  });
});
after(async () => {
  await gateway.close();
  await upstream.close();
});

const path = '/v1/chat/completions';
const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hello' }] });
const authorization = () => `authorization: Bearer ${gateway.key}`;
/** A head of these lines, after the request line, with a key. */
const post = (lines: readonly string[], rest = '') =>
  `${[`POST ${path} HTTP/1.1`, 'host: x', authorization(), ...lines].join('\r\n')}\r\n\r\n${rest}`;
const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const length = () => `content-length: ${Buffer.byteLength(body)}`;
const smuggled = () =>
  requestBytes({ path, headers: { authorization: `Bearer ${gateway.key}` }, body }).toString();

const calls = () => upstream.requests.filter((request) => request.path === path).length;

/** Bytes that must get 400 and a closed connection, and not reach the upstream. */
const refused: Readonly<Record<string, () => string>> = {
  'a content-length beside chunks (CL.TE)': () =>
    post([length(), 'transfer-encoding: chunked'], `0\r\n\r\n${smuggled()}`),
  'chunks beside a content-length (TE.CL)': () =>
    post(['transfer-encoding: chunked', 'content-length: 4'], `${chunk(body)}0\r\n\r\n`),
  'two content-lengths that differ': () => post(['content-length: 5', length()], body),
  'two content-lengths that agree': () => post([length(), length()], body),
  'a list of content-lengths': () => post([`content-length: 5, ${Buffer.byteLength(body)}`], body),
  'a content-length with a sign': () => post([`content-length: +${Buffer.byteLength(body)}`], body),
  'a negative content-length': () => post(['content-length: -1'], body),
  'a hexadecimal content-length': () => post(['content-length: 0x10'], body),
  'a content-length beyond 64 bits': () => post(['content-length: 99999999999999999999999'], body),
  'chunked that is not the last encoding': () =>
    post(['transfer-encoding: chunked, identity'], `${chunk(body)}0\r\n\r\n`),
  'an encoding that only looks like chunked': () =>
    post(['transfer-encoding: xchunked'], `${chunk(body)}0\r\n\r\n`),
  'a space before the colon': () => post(['transfer-encoding : chunked'], `${chunk(body)}0\r\n\r\n`),
  'a folded header': () => post(['x-folded: one\r\n two', length()], body),
  'line ends without carriage return': () =>
    `POST ${path} HTTP/1.1\nhost: x\n${authorization()}\n${length()}\n\n${body}`,
  'one line end without carriage return': () => post([`x-one: 1\nx-two: 2`, length()], body),
  'a carriage return alone': () => post([`x-one: 1\rx-two: 2`, length()], body),
  'NUL in a value': () => post(['x-nul: a\0b', length()], body),
  'NUL in a name': () => post(['x-\0nul: ab', length()], body),
  'a header without a name': () => post([': nothing', length()], body),
  'a chunk size that is no number': () => post(['transfer-encoding: chunked'], 'zz\r\n{}\r\n0\r\n\r\n'),
  'a negative chunk size': () => post(['transfer-encoding: chunked'], '-1\r\n{}\r\n0\r\n\r\n'),
  'a chunk size beyond 64 bits': () =>
    post(['transfer-encoding: chunked'], 'fffffffffffffffff1\r\n{}\r\n0\r\n\r\n'),
  'a chunk longer than it says': () => post(['transfer-encoding: chunked'], '1\r\n{}\r\n0\r\n\r\n'),
  'a chunk size with a space before the line end': () =>
    post(['transfer-encoding: chunked'], `${Buffer.byteLength(body).toString(16)} \r\n${body}\r\n0\r\n\r\n`),
  'no host': () => `POST ${path} HTTP/1.1\r\n${authorization()}\r\n${length()}\r\n\r\n${body}`,
  'two hosts': () => post(['host: y', length()], body),
  'an absolute address': () => requestBytes({ path: `http://x${path}`, body }).toString(),
  'an absolute address with another host': () =>
    requestBytes({ path: `http://admin.internal${path}`, body }).toString(),
  'an asterisk': () => requestBytes({ method: 'OPTIONS', path: '*' }).toString(),
  'no version': () => `GET ${path}\r\n\r\n`,
  'a version that is not ours': () => `GET ${path} HTTP/3.7\r\nhost: x\r\n\r\n`,
  'a method nobody knows': () => `SMUGGLE ${path} HTTP/1.1\r\nhost: x\r\n\r\n`,
  'a method in lower case': () => `get ${path} HTTP/1.1\r\nhost: x\r\n\r\n`,
  'NUL in the path': () => `GET ${path}\0 HTTP/1.1\r\nhost: x\r\n\r\n`,
  "HTTP/2's opening": () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'a TLS greeting': () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
};

for (const [what, bytes] of Object.entries(refused)) {
  test(`${what} is refused with 400, once, and the connection closed (C3)`, async () => {
    const before = calls();
    const { statuses, answer, text } = await untilClosed(gateway.port, bytes());
    assert.deepEqual(statuses, [400], text);
    assert.match(answer.headers.get('x-millrace-id') ?? '', /^[0-9a-f-]{36}$/);
    assert.match(answer.headers.get('connection') ?? '', /close/i);
    assert.ok(!/\bat .+:\d+:\d+|node:|HPE_/.test(text), `nothing of our inside is told: ${text}`);
    assert.equal(calls(), before, 'nothing reached the upstream');
  });
}

test('a request hidden behind a body of a stated length is a body, and reaches the upstream once (C3)', async () => {
  const before = calls();
  const hidden = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: smuggled() }] });
  const { statuses } = await untilClosed(
    gateway.port,
    requestBytes({
      path,
      headers: { authorization: `Bearer ${gateway.key}`, connection: 'close' },
      body: hidden,
    }),
  );
  assert.deepEqual(statuses, [200]);
  assert.equal(calls(), before + 1);
});

test('what follows a request that was not read is not taken for another request (C3)', async () => {
  const before = calls();
  const bytes = `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n${smuggled()}`;
  const { statuses } = await untilClosed(gateway.port, bytes);
  assert.deepEqual(statuses, [401]);
  assert.equal(calls(), before);
});

test('requests in a row on one connection are answered in order, each once (C3)', async () => {
  const before = calls();
  const last = requestBytes({ path: '/livez', headers: { connection: 'close' } });
  const { statuses, text } = await untilClosed(
    gateway.port,
    Buffer.concat([Buffer.from(smuggled()), Buffer.from(smuggled()), last]),
  );
  assert.deepEqual(statuses, [200, 200, 200]);
  assert.ok(text.endsWith('ok'));
  assert.equal(calls(), before + 2);
});

test('garbage behind a request whose answer is on its way cuts the connection and is never part of the answer (C3)', async () => {
  upstream.scriptNext({ firstTokenMs: 50, tokensPerSecond: 200, chunks: Array(20).fill('word ') });
  const streamed = JSON.stringify({ ...JSON.parse(body), stream: true });
  const { text } = await untilClosed(
    gateway.port,
    Buffer.concat([
      requestBytes({ path, headers: { authorization: `Bearer ${gateway.key}` }, body: streamed }),
      Buffer.from('\0garbage\r\n\r\n'),
    ]),
  );
  assert.ok(!text.includes('400 Bad Request') && !text.includes('well-formed'), text);
});

test('an upgrade is not made: the request is answered as what it is (C3)', async () => {
  for (const upgrade of ['h2c', 'websocket', 'TLS/1.3']) {
    const answer = await answerTo(
      gateway.port,
      requestBytes({
        path,
        headers: {
          authorization: `Bearer ${gateway.key}`,
          connection: 'Upgrade, HTTP2-Settings',
          upgrade,
          'http2-settings': 'AAMAAABkAARAAAAAAAIAAAAA',
        },
        body,
      }),
    );
    assert.equal(answer.status, 200);
  }
});

test('CONNECT opens nothing (C3)', async () => {
  const { statuses } = await untilClosed(gateway.port, 'CONNECT 127.0.0.1:22 HTTP/1.1\r\nhost: x\r\n\r\n');
  assert.ok(
    statuses.every((status) => status >= 400),
    `${statuses}`,
  );
});
