/** `millrace ps`: what runs at this moment, once or for as long as somebody watches. */
import { setTimeout } from 'node:timers/promises';
import { psShape, statusShape } from '../admin/shapes.ts';
import { type AdminPlace, askAdmin, findAdmin } from './admin-client.ts';
import { askUpstreams } from './ask-upstreams.ts';
import { flagOption, type Given } from './given.ts';
import type { Invocation } from './invocation.ts';
import { createPaint, type Paint } from './paint.ts';
import { machineTable, runningTable, upstreamTable } from './ps-tables.ts';

type Status = ReturnType<typeof statusShape.parse>;

const watchMs = 2_000;
const clearScreen = '\u001b[2J\u001b[H';

export async function run(invocation: Invocation, given: Given): Promise<number> {
  const place = await findAdmin(invocation, given);
  const isTerminal = process.stdout.isTTY === true;
  const show = flagOption(given, 'json')
    ? asJson
    : createText(createPaint(isTerminal, invocation.environment));
  const watched = flagOption(given, 'watch');
  const before = watched && isTerminal && !flagOption(given, 'json') ? clearScreen : '';
  // Ends when somebody interrupts it, or the gateway is gone.
  do {
    invocation.write(before + show(await look(place)));
    if (watched) await setTimeout(watchMs);
  } while (watched);
  return 0;
}

type Seen = Awaited<ReturnType<typeof look>>;

async function look(place: AdminPlace) {
  const [status, upstreams, shown] = await Promise.all([
    askAdmin(place, { path: 'status', shape: statusShape }),
    askUpstreams(place),
    askAdmin(place, { path: 'ps', shape: psShape }),
  ]);
  return { status, upstreams, ...shown };
}

function asJson(seen: Seen): string {
  return JSON.stringify(seen);
}

function createText(paint: Paint): (seen: Seen) => string {
  return ({ status, upstreams, waiting, running, machines }) =>
    [
      describeStatus(status, waiting),
      upstreamTable(upstreams, paint),
      runningTable(running, paint),
      machineTable(machines),
    ].join('\n\n');
}

function describeStatus(status: Status, waiting: number): string {
  const { version, pid, uptimeS, configId, inFlight, rssBytes, accepting, workers } = status;
  const state = accepting ? '' : ', stopping';
  const serving =
    workers === undefined ? '' : ` and ${workers.length} ${workers.length === 1 ? 'worker' : 'workers'}`;
  return (
    `Millrace ${version}, process ${pid}${serving}, up ${durationText(uptimeS)}${state}, configuration ${configId}, ` +
    `${Math.round(rssBytes / 1024 / 1024)} MiB; ${inFlight} in flight, ${waiting} waiting for a slot`
  );
}

function durationText(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} days`;
}
