import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOwnHost } from './own-host.ts';

test('a loopback or private address, or a name of private use, is a machine of the operator’s', () => {
  for (const host of [
    'localhost',
    '127.0.0.1',
    '127.8.9.1',
    '0.0.0.0',
    '10.1.2.3',
    '172.31.0.1',
    '192.168.1.20',
    '100.100.1.1',
    '169.254.3.4',
    '[::1]',
    '[fd12::9]',
    '[fe80::1]',
    '[::ffff:10.0.0.1]',
    'gpu-a',
    'gpu-a.',
    'gpu.local',
    'vllm.models.svc.cluster.local',
    'llm.corp.internal',
    'nas.home.arpa',
  ]) {
    assert.equal(isOwnHost(host), true, host);
  }
});

test('anything else may send bills', () => {
  for (const host of [
    'api.openai.com',
    '8.8.8.8',
    '172.32.0.1',
    '100.128.0.1',
    '[2606:4700::1]',
    '[::ffff:8.8.8.8]',
    'localhost.example.com',
    'internal.example',
  ]) {
    assert.equal(isOwnHost(host), false, host);
  }
});
