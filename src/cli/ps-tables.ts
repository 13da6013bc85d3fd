/** The tables of `millrace ps`: servers, models, machines. What nobody tells is `unknown`, never a guess. */
import type { psShape, upstreamsShape } from '../admin/shapes.ts';
import type { Paint } from './paint.ts';
import { formatTable } from './table.ts';

type Shown = ReturnType<typeof psShape.parse>;
type Upstreams = ReturnType<typeof upstreamsShape.parse>['upstreams'];
type Running = Shown['running'][number];
type Machine = Shown['machines'][number];

export function upstreamTable(upstreams: Upstreams, paint: Paint): string {
  const colours = { up: 'green', down: 'red', unknown: 'yellow' } as const;
  const rows = upstreams.map(({ name, type, url, state, inFlight, slots, models, drained, lastFailure }) => [
    name,
    type,
    url ?? '',
    drained === undefined ? paint(colours[state], state) : paint('yellow', 'drained'),
    `${inFlight}/${slots}`,
    String(models.length),
    reasonOf(drained, lastFailure),
  ]);
  return formatTable(['UPSTREAM', 'TYPE', 'ADDRESS', 'STATE', 'SLOTS', 'MODELS', 'REASON'], rows);
}

/** Why it is as it is: what an operator said comes before what happened. */
function reasonOf(drained: Upstreams[number]['drained'], lastFailure = ''): string {
  return drained === undefined ? lastFailure : `by ${drained.by} since ${drained.since}`;
}

export function runningTable(running: readonly Running[], paint: Paint): string {
  if (running.length === 0) return 'no model is working, and none is known to be loaded';
  const colours = { yes: 'green', no: 'dim', unknown: 'yellow' } as const;
  const rows = running.map((row) => [
    row.model,
    row.drained === true ? `${row.upstream} (drained)` : row.upstream,
    paint(colours[row.inMemory], row.inMemory),
    memoryText(row),
    `${row.inFlight}/${row.slots} ${row.slotsFrom}`,
    String(row.queued),
    row.loaded?.until ?? '',
  ]);
  return formatTable(['MODEL', 'UPSTREAM', 'LOADED', 'MEMORY', 'SLOTS', 'QUEUE', 'UNTIL'], rows);
}

export function machineTable(machines: readonly Machine[]): string {
  const rows = machines.map((machine) => [
    machine.upstream,
    percentText(machine.gpuPercent),
    shareText(machine.gpuUsedBytes, machine.gpuTotalBytes),
    percentText(machine.cpuPercent),
    shareText(machine.memoryUsedBytes, machine.memoryTotalBytes),
    `${machine.loads} in ${(machine.loadMs / 1000).toFixed(1)} s`,
    String(machine.evictions),
  ]);
  return formatTable(['UPSTREAM', 'GPU', 'VRAM', 'CPU', 'RAM', 'LOADS', 'EVICTIONS'], rows);
}

/** Whether the engine computes on a GPU is told by how much of the model lies there. */
function memoryText({ inMemory, loaded }: Running): string {
  if (inMemory === 'no') return '';
  if (loaded?.bytes === undefined) return 'unknown';
  const { bytes, gpuBytes } = loaded;
  if (gpuBytes === undefined) return gibibytes(bytes);
  if (gpuBytes === 0) return `${gibibytes(bytes)} RAM`;
  if (gpuBytes >= bytes) return `${gibibytes(bytes)} VRAM`;
  return `${gibibytes(bytes)}, ${Math.round((gpuBytes / bytes) * 100)} % in VRAM`;
}

function percentText(percent: number | undefined): string {
  return percent === undefined ? 'unknown' : `${Math.round(percent)} %`;
}

function shareText(used: number | undefined, total: number | undefined): string {
  if (used === undefined) return 'unknown';
  return total === undefined ? gibibytes(used) : `${gibibytes(used)} of ${gibibytes(total)}`;
}

function gibibytes(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}
