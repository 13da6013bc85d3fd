/** The Python client against a running gateway: its own tests, and its page as it stands there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { pythonProgram } from '../servers/install-python.ts';
import { blocksOf, type ClientRig, openClientRig } from './client-rig.ts';

const folder = 'clients/python';
let rig: ClientRig;
before(async () => {
  rig = await openClientRig();
});
after(() => rig.close());

function python(...args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const program = pythonProgram();
  assert.ok(program !== undefined, 'there is no Python here');
  const env = { ...process.env, ...rig.environment, PYTHONDONTWRITEBYTECODE: '1' };
  return promisify(execFile)(program, args, { cwd: folder, env, timeout: 60_000 });
}

test('the Python client does what its tests say', async () => {
  const { stderr } = await python('-m', 'unittest', 'tests.test_client');
  assert.match(stderr, /^Ran 10 tests/m);
  const keys = rig.keysSeen.filter((key) => key !== undefined);
  assert.equal(new Set(keys).size, 1, 'a request that is sent again carries the same key');
});

test('the examples of its README run', async () => {
  const blocks = blocksOf(`${folder}/README.md`, 'python');
  assert.equal(blocks.length, 2);
  const outputs: string[] = [];
  for (const block of blocks) outputs.push((await python('-c', block)).stdout);
  assert.match(outputs[1] ?? '', /is told this once\nprecondition_failed\n/);
  assert.match(outputs[1] ?? '', /^ci developer$/m);
  assert.match(outputs[1] ?? '', /^not_found$/m);
});
