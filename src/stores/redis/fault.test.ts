import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asRedisError, RedisError, type RedisFault } from './fault.ts';

const said: readonly (readonly [string, RedisFault])[] = [
  ['READONLY You can’t write against a read only replica. script: 3b, on @user_script:4.', 'readonly'],
  ['LOADING Redis is loading the dataset in memory', 'loading'],
  ['NOSCRIPT No matching script. Please use EVAL.', 'noscript'],
  ['CLUSTERDOWN The cluster is down', 'clusterdown'],
  ['MOVED 3999 127.0.0.1:6381', 'moved'],
  ['NOAUTH Authentication required.', 'unauthenticated'],
  ['WRONGPASS invalid username-password pair or user is disabled.', 'unauthenticated'],
  ["NOPERM this user has no permissions to run the 'evalsha' command", 'forbidden'],
  ["ERR The user executing the script can't run this command or subcommand script: 1", 'forbidden'],
  ["OOM command not allowed when used memory > 'maxmemory'.", 'oom'],
  ['MISCONF Redis is configured to save RDB snapshots', 'misconfigured'],
  ['WRONGTYPE Operation against a key holding the wrong kind of value', 'wrongtype'],
  ['BUSY Redis is busy running a script.', 'busy'],
  ["ERR unknown command 'HELLO'", 'refused'],
  ['Socket closed unexpectedly', 'offline'],
  ['connect ECONNREFUSED 127.0.0.1:6379', 'offline'],
];

test('R6: every error has a kind, whoever speaks', () => {
  for (const [message, kind] of said) assert.equal(asRedisError(new Error(message)).kind, kind, message);
});

test('an error that is one already stays as it is, and long or unprintable words are cut', () => {
  const error = new RedisError('timeout');
  assert.equal(asRedisError(error), error);
  const { message } = asRedisError(new Error(`ERR \u001b[31m${'x'.repeat(5_000)}`));
  assert.ok(message.length < 300 && !message.includes('\u001b'));
});
