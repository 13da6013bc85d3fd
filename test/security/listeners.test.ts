/** What listens where: whoever opens the clients' port to others opens nothing else with it (G6). */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { openPlace, serve } from '../cli/gateway-process.ts';

const linuxOnly = { skip: process.platform !== 'linux' && 'the system has no /proc' };
const listening = '0A';

/** The addresses, as the system writes them, that a process listens on beyond loopback; with their ports. */
function openPorts(pid: number): number[] {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.slice(1) ?? [];
      } catch {
        // It was closed since the folder was read.
        return [];
      }
    }),
  );
  const rows = ['tcp', 'tcp6'].flatMap((name) =>
    readFileSync(`/proc/${pid}/net/${name}`, 'utf8').split('\n').slice(1),
  );
  return rows.flatMap((row) => {
    const [, local = '', , state, , , , , , inode = ''] = row.trim().split(/\s+/);
    const [address = '', port = ''] = local.split(':');
    const onLoopback = address.endsWith('7F') || address === '00000000000000000000000001000000';
    return state === listening && inodes.has(inode) && !onLoopback ? [Number.parseInt(port, 16)] : [];
  });
}

test('G6: only the clients’ port is beyond loopback, and only where it is asked for', linuxOnly, async () => {
  await using place = await openPlace();
  await place.write('millrace.yaml', 'upstreams: { engine: { type: simulator } }\n');
  await using hidden = await serve([], { place });
  assert.deepEqual(openPorts(hidden.child.pid ?? 0), []);
  await hidden.stop();
  const environment = { MILLRACE__LISTEN__ADDRESS: '0.0.0.0:0' };
  await using open = await serve([], { place, environment });
  const port = Number(new URL(open.ready.clients).port);
  assert.deepEqual(openPorts(open.child.pid ?? 0), [port]);
  await open.stop();
});
