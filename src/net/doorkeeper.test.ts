/** Connections over real sockets that are said to come from elsewhere: a test has no address but loopback. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createAddressList } from './address-list.ts';
import { Doorkeeper, type DoorkeeperOptions, type RefusedConnection } from './doorkeeper.ts';

interface Door {
  readonly refused: readonly RefusedConnection[];
  /** Connects as from this address, asks, and tells whether it was answered; the connection stays open. */
  enter(address: string): Promise<{ readonly socket: Socket; readonly answered: boolean }>;
}

async function openDoor(t: TestContext, options: DoorkeeperOptions): Promise<Door> {
  const refused: RefusedConnection[] = [];
  const guarded = createServer((_request, response) => response.end('in'));
  new Doorkeeper({ ...options, onRefused: (one) => refused.push(one) }).guard(guarded);
  let address = '';
  const outside = createTcpServer((socket) => {
    Object.defineProperty(socket, 'remoteAddress', { value: address });
    guarded.emit('connection', socket);
  });
  outside.listen(0, '127.0.0.1');
  await once(outside, 'listening');
  const sockets: Socket[] = [];
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    outside.close();
  });
  return {
    refused,
    enter: async (from) => {
      address = from;
      const socket = connect({ port: (outside.address() as AddressInfo).port, host: '127.0.0.1' });
      sockets.push(socket);
      socket.on('error', () => {});
      socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
      // A refusal may be quicker than the connection, and is then an error of connecting.
      const answered = await new Promise<boolean>((resolve) => {
        socket.once('data', () => resolve(true)).once('close', () => resolve(false));
      });
      return { socket, answered };
    },
  };
}

test('one address has no more connections than its share, and another has its own', async (t) => {
  const door = await openDoor(t, { connectionsPerAddress: 2 });
  const first = await door.enter('203.0.113.7');
  assert.equal(first.answered, true);
  assert.equal((await door.enter('::ffff:203.0.113.7')).answered, true, 'spelled otherwise it is the same');
  assert.equal((await door.enter('203.0.113.7')).answered, false);
  assert.deepEqual(door.refused, [{ address: '203.0.113.7', reason: 'too_many' }]);
  assert.equal((await door.enter('203.0.113.8')).answered, true);
  first.socket.destroy();
  let again = await door.enter('203.0.113.7');
  for (let tried = 0; !again.answered && tried < 100; tried += 1) again = await door.enter('203.0.113.7');
  assert.equal(again.answered, true, 'what ended makes room');
});

test('with IPv6 a network of 64 bits is one party: its addresses are no way around', async (t) => {
  const door = await openDoor(t, { connectionsPerAddress: 2 });
  assert.equal((await door.enter('2001:db8:1:2::1')).answered, true);
  assert.equal((await door.enter('2001:db8:1:2:ffff::2')).answered, true);
  assert.equal((await door.enter('2001:db8:1:2::3')).answered, false);
  assert.equal((await door.enter('2001:db8:1:3::1')).answered, true);
});

test('trusted proxies and loopback have no share of their own', async (t) => {
  const door = await openDoor(t, {
    connectionsPerAddress: 1,
    trustedProxies: createAddressList(['10.0.0.0/8']),
  });
  for (const address of ['10.1.1.1', '127.0.0.1', '::1'])
    for (const _ of Array(3)) assert.equal((await door.enter(address)).answered, true, address);
});

test('only who is allowed comes in, and proxies that are trusted', async (t) => {
  const door = await openDoor(t, {
    allow: createAddressList(['203.0.113.0/24']),
    trustedProxies: createAddressList(['10.0.0.1']),
  });
  const entries = {
    '203.0.113.7': true,
    '::ffff:203.0.113.7': true,
    '10.0.0.1': true,
    '10.0.0.2': false,
    '::1': false,
  };
  for (const [address, answered] of Object.entries(entries))
    assert.equal((await door.enter(address)).answered, answered, address);
});
