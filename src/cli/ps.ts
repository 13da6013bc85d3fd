/** `millrace ps`: what runs at this moment. */
import { psShape, statusShape, upstreamsShape } from '../admin/shapes.ts';
import { askAdmin, findAdmin } from './admin-client.ts';
import { flagOption, type Given } from './given.ts';
import type { Invocation } from './invocation.ts';
import { createPaint, type Paint } from './paint.ts';
import { formatTable } from './table.ts';

type Status = ReturnType<typeof statusShape.parse>;
type Upstreams = ReturnType<typeof upstreamsShape.parse>['upstreams'];
type Running = ReturnType<typeof psShape.parse>['running'];

export async function run(invocation: Invocation, given: Given): Promise<number> {
  const place = await findAdmin(invocation, given);
  const [status, { upstreams }, { waiting, running }] = await Promise.all([
    askAdmin(place, { path: 'status', shape: statusShape }),
    askAdmin(place, { path: 'upstreams', shape: upstreamsShape }),
    askAdmin(place, { path: 'ps', shape: psShape }),
  ]);
  if (flagOption(given, 'json')) {
    invocation.write(JSON.stringify({ status, upstreams, waiting, running }));
    return 0;
  }
  const paint = createPaint(process.stdout.isTTY === true, invocation.environment);
  invocation.write(
    [describeStatus(status, waiting), upstreamTable(upstreams, paint), runningTable(running)].join('\n\n'),
  );
  return 0;
}

function describeStatus(status: Status, waiting: number): string {
  const { version, pid, uptimeS, configId, inFlight, rssBytes, accepting } = status;
  const state = accepting ? '' : ', stopping';
  return (
    `Millrace ${version}, process ${pid}, up ${durationText(uptimeS)}${state}, configuration ${configId}, ` +
    `${Math.round(rssBytes / 1024 / 1024)} MiB; ${inFlight} in flight, ${waiting} waiting for a slot`
  );
}

function upstreamTable(upstreams: Upstreams, paint: Paint): string {
  const colours = { up: 'green', down: 'red', unknown: 'yellow' } as const;
  const rows = upstreams.map(({ name, type, url, state, inFlight, slots, models, lastFailure }) => [
    name,
    type,
    url ?? '',
    paint(colours[state], state),
    `${inFlight}/${slots}`,
    String(models.length),
    lastFailure ?? '',
  ]);
  return formatTable(['UPSTREAM', 'TYPE', 'ADDRESS', 'STATE', 'SLOTS', 'MODELS', 'LAST FAILURE'], rows);
}

function runningTable(running: Running): string {
  if (running.length === 0) return 'no model is working, and none is known to be loaded';
  const rows = running.map(({ model, upstream, inFlight, slots, loaded }) => [
    model,
    upstream,
    `${inFlight}/${slots}`,
    loaded === undefined ? '' : loadedText(loaded),
    loaded?.until ?? '',
  ]);
  return formatTable(['MODEL', 'UPSTREAM', 'IN FLIGHT', 'LOADED', 'UNTIL'], rows);
}

function loadedText({ bytes, gpuBytes }: NonNullable<Running[number]['loaded']>): string {
  if (bytes === undefined) return 'yes';
  const size = `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
  return gpuBytes === undefined || bytes === 0
    ? size
    : `${size}, ${Math.round((gpuBytes / bytes) * 100)} % on GPU`;
}

function durationText(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} days`;
}
