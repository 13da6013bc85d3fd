import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MalformedReply, ReplyReader } from './reply-reader.ts';

interface Seen {
  status: number;
  body: string;
  ends: boolean[];
}

function read(pieces: readonly Buffer[]): { seen: Seen; reader: ReplyReader } {
  const seen: Seen = { status: 0, body: '', ends: [] };
  const reader = new ReplyReader({
    head: (status) => {
      seen.status = status;
    },
    body: (bytes) => {
      seen.body += bytes.toString('latin1');
    },
    end: (reusable) => {
      seen.ends.push(reusable);
    },
  });
  reader.begin();
  for (const piece of pieces) reader.push(piece);
  return { seen, reader };
}

const replies: readonly { name: string; wire: string; status: number; body: string; reusable: boolean }[] = [
  {
    name: 'a counted body',
    wire: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
    status: 200,
    body: 'hello',
    reusable: true,
  },
  {
    name: 'a chunked body with an extension and a trailer',
    wire: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;x=1\r\nhello\r\nA\r\n0123456789\r\n0\r\nt: 1\r\n\r\n',
    status: 200,
    body: 'hello0123456789',
    reusable: true,
  },
  {
    name: 'an interim reply before the final one',
    wire: 'HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 429 Slow\r\ncontent-length: 2\r\n\r\nno',
    status: 429,
    body: 'no',
    reusable: true,
  },
  {
    name: 'an empty reply on a connection that will close',
    wire: 'HTTP/1.1 503 Down\r\nConnection: close\r\ncontent-length: 0\r\n\r\n',
    status: 503,
    body: '',
    reusable: false,
  },
  {
    name: 'a reply without content',
    wire: 'HTTP/1.1 204 No Content\r\n\r\n',
    status: 204,
    body: '',
    reusable: true,
  },
];

for (const { name, wire, ...expected } of replies) {
  test(`${name} reads the same however the bytes are cut`, () => {
    const bytes = Buffer.from(wire, 'latin1');
    const check = (pieces: Buffer[]) => {
      const { seen, reader } = read(pieces);
      assert.deepEqual(seen, { status: expected.status, body: expected.body, ends: [expected.reusable] });
      assert.equal(reader.close(), true);
    };
    for (let cut = 0; cut <= bytes.length; cut += 1) check([bytes.subarray(0, cut), bytes.subarray(cut)]);
    fc.assert(
      fc.property(fc.array(fc.nat({ max: bytes.length })), (cuts) => {
        const places = [0, ...cuts.sort((left, right) => left - right), bytes.length];
        check(places.slice(1).map((place, index) => bytes.subarray(places[index], place)));
      }),
    );
  });

  test(`${name} that is cut short never ends`, () => {
    const bytes = Buffer.from(wire, 'latin1');
    for (let length = 0; length < bytes.length; length += 1) {
      const { seen, reader } = read([bytes.subarray(0, length)]);
      assert.deepEqual(seen.ends, []);
      assert.equal(reader.close(), false);
    }
  });
}

test('a body without a length ends when the connection does', () => {
  const { seen, reader } = read([Buffer.from('HTTP/1.1 200 OK\r\n\r\nto the '), Buffer.from('end')]);
  assert.deepEqual(seen.ends, []);
  assert.equal(reader.close(), true);
  assert.deepEqual(seen, { status: 200, body: 'to the end', ends: [false] });
});

for (const [what, wire] of [
  ['what is not HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
  ['a chunk without a size', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n'],
  ['a chunk longer than its size', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n'],
  ['bytes after the reply', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nabc'],
  ['a head without end', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(20_000)}`],
] as const) {
  test(`${what} is malformed`, () => {
    assert.throws(() => read([Buffer.from(wire)]), MalformedReply);
  });
}
