// G14: what one request gives cause to warn of is told in short, wherever it is told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openFaultRig, until } from './rig.ts';

test('G14: thousands of hints that mean nothing to the upstream make one short header and one short row', async (t) => {
  const rig = await openFaultRig(t);
  const names = Array.from({ length: 5_000 }, (_, index) => `${'é'.repeat(index % 300)}${index}`);
  const options = Object.fromEntries(names.map((name) => [name, 1]));
  const reply = await rig.ask({ route: 'ollama.chat', stream: false, model: 'o', body: { options } });
  assert.match(reply.head, /^HTTP\/1\.1 200/);
  assert.match(reply.head, /x-millrace-warning: options\./i);
  assert.ok(reply.head.length < 4_096, `the head has ${reply.head.length} bytes`);
  await until('the exchange is told', () => rig.gateway.exchangeLines.length > 0);
  const [line = ''] = rig.gateway.exchangeLines;
  assert.ok(line.length < 8_192, `the line has ${line.length} characters`);
  assert.match(line, /and 4980 more/);
});
