import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import { loadConfig } from '../../config/load.ts';
import { packConfig, unpackConfig } from './sent-config.ts';

test('a configuration arrives at a worker as it was sent, secrets included and still hidden', () => {
  const key = 'sk-upstream-0123456789';
  const env = {
    MILLRACE__UPSTREAMS__CLOUD__TYPE: 'openai',
    MILLRACE__UPSTREAMS__CLOUD__URL: 'https://cloud.example/v1',
    MILLRACE__UPSTREAMS__CLOUD__KEY: key,
  };
  const sent = loadConfig({ env });
  // As Node's channel between processes copies it.
  const arrived = unpackConfig(deserialize(serialize(packConfig(sent))));
  assert.equal(arrived.id, sent.id);
  const { cloud } = arrived.config.upstreams;
  assert.ok(cloud !== undefined && 'key' in cloud);
  assert.equal(cloud.key?.reveal(), key);
  assert.doesNotMatch(inspect(arrived, { depth: 9 }) + JSON.stringify(arrived), /sk-upstream/);
  assert.throws(() => Object.assign(arrived.config.queue, { places: 1 }), TypeError);
});

test('what arrives otherwise than it was sent is not served by', () => {
  const sent = packConfig(loadConfig({ env: {} }));
  assert.throws(() => unpackConfig({ ...sent, id: '0123456789ab' }), /did not arrive as it was sent/);
});
