/** What several workers know of the same things, as one answer: what is counted is added up, what is seen is seen by any. */
import type { z } from 'zod';
import type { dependencyReport } from '../openapi/probes.ts';
import type { receiversShape } from './alert-routes.ts';
import { sumOf } from './gathering.ts';
import type { modelsShape, psShape, statusShape, upstreamsShape } from './shapes.ts';

type Status = z.input<typeof statusShape>;
type Upstreams = z.input<typeof upstreamsShape>;
type Models = z.input<typeof modelsShape>;
type Running = z.input<typeof psShape>;
type Report = z.input<typeof dependencyReport>;
type Receivers = z.input<typeof receiversShape>;

/** The primary's, whose pid and files are the gateway's, with what its workers do. */
export function gatherStatus(own: Status, told: readonly { worker: number; answer: Status }[]): Status {
  const all = told.map(({ answer }) => answer);
  return {
    ...own,
    accepting: own.accepting && all.some(({ accepting }) => accepting),
    degraded: [...new Set([own, ...all].flatMap(({ degraded }) => degraded))],
    inFlight: sumOf(all, ({ inFlight }) => inFlight),
    waiting: sumOf(all, ({ waiting }) => waiting),
    rssBytes: sumOf([own, ...all], ({ rssBytes }) => rssBytes),
    workers: told.map(({ worker, answer }) => {
      const { pid, startedAt, configId, accepting, inFlight, waiting, rssBytes } = answer;
      return { worker, pid, startedAt, configId, accepting, inFlight, waiting, rssBytes };
    }),
  };
}

/** Away is what any of them cannot reach; of upstreams they tell, each by itself, and most is known by who reaches most. */
export function gatherDependencies(own: Report, told: readonly Report[]): Report {
  const all = [own, ...told];
  const [first = own] = told.toSorted((one, other) => other.upstreams.up - one.upstreams.up);
  const dependencies = own.dependencies.map((mine) => {
    const each = all.flatMap((one) => one.dependencies).filter(({ name }) => name === mine.name);
    const away = each.filter(({ state }) => state === 'away');
    const [earliest] = away.toSorted((one, other) => Date.parse(one.since) - Date.parse(other.since));
    return earliest ?? each.find(({ note }) => note !== undefined) ?? mine;
  });
  const isWell = dependencies.every(({ state }) => state === 'there') && first.upstreams.down === 0;
  return { status: isWell ? 'well' : 'degraded', dependencies, upstreams: first.upstreams };
}

/** Whoever reached it last knows best how it is; that somebody reaches it is enough. */
export function gatherUpstreams(all: readonly Upstreams[]): Upstreams {
  const groups = Object.values(
    Object.groupBy(
      all.flatMap(({ upstreams }) => upstreams),
      ({ name }) => name,
    ),
  );
  return {
    upstreams: groups.flatMap((group = []) => {
      const [latest] = group.toSorted((one, other) => heardMs(other) - heardMs(one));
      if (latest === undefined) return [];
      return [
        {
          ...latest,
          state: bestOf(
            group.map(({ state }) => state),
            states,
          ),
          inFlight: sumOf(group, ({ inFlight }) => inFlight),
          slots: Math.max(...group.map(({ slots }) => slots)),
          failures: Math.min(...group.map(({ failures }) => failures)),
          models: [...new Set(group.flatMap(({ models }) => models))],
          ...drainedOf(group),
        },
      ];
    }),
    ...nextOf(all),
  };
}

/** Who has more has given a whole page: together they have no fewer. */
function nextOf(all: readonly { readonly next?: string | undefined }[]): { next?: string } {
  const next = all.find((one) => one.next !== undefined)?.next;
  return next === undefined ? {} : { next };
}

/** They are told one after the other. */
function drainedOf(group: Upstreams['upstreams']) {
  const drained = group.find((one) => one.drained !== undefined)?.drained;
  return drained === undefined ? {} : { drained };
}

function heardMs({ lastHeardAt }: Upstreams['upstreams'][number]): number {
  return lastHeardAt === undefined ? 0 : Date.parse(lastHeardAt);
}

const states = ['up', 'down', 'unknown'] as const;

/** The one that tells most, of what any of them says. */
function bestOf<Word extends string>(said: readonly Word[], inOrder: readonly [...Word[], Word]): Word {
  return inOrder.find((word) => said.includes(word)) ?? (inOrder.at(-1) as Word);
}

/** What one of them has not heard of yet, another has. */
export function gatherModels(all: readonly Models[]): Models {
  const [first] = all;
  const byName = new Map(all.flatMap(({ models }) => models).map((model) => [model.name, model]));
  return { ...first, models: [...byName.values()], ...nextOf(all) };
}

export function gatherRunning(all: readonly Running[]): Running {
  const rows = all.flatMap(({ running }) => running);
  const groups = Object.values(
    Object.groupBy(rows, ({ upstream, model }) => JSON.stringify([upstream, model])),
  );
  return {
    waiting: sumOf(all, ({ waiting }) => waiting),
    running: groups.flatMap((group = []) => {
      const [first] = group;
      if (first === undefined) return [];
      const loaded = group.find((row) => row.loaded !== undefined)?.loaded;
      return [
        {
          ...first,
          state: bestOf(
            group.map(({ state }) => state),
            states,
          ),
          inFlight: sumOf(group, ({ inFlight }) => inFlight),
          ...slotsOf(group),
          queued: sumOf(group, ({ queued }) => queued),
          inMemory: bestOf(
            group.map(({ inMemory }) => inMemory),
            ['yes', 'no', 'unknown'],
          ),
          ...(loaded === undefined ? {} : { loaded }),
        },
      ];
    }),
    machines: gatherMachines(all.flatMap(({ machines }) => machines)),
  };
}

/** Of leased ones each has a part; of others each knows the same. */
function slotsOf(group: Running['running']) {
  if (group.some(({ slotsFrom }) => slotsFrom === 'leased'))
    return { slots: sumOf(group, ({ slots }) => slots), slotsFrom: 'leased' as const };
  return { slots: Math.max(...group.map(({ slots }) => slots)) };
}

/** What a machine says of itself is the same for all who ask; what was seen to happen there, each saw for itself. */
function gatherMachines(rows: readonly Running['machines'][number][]): Running['machines'] {
  return Object.values(Object.groupBy(rows, ({ upstream }) => upstream)).flatMap((group = []) => {
    const [first] = group;
    if (first === undefined) return [];
    type Row = typeof first;
    const most = (count: (row: Row) => number) => Math.max(...group.map(count));
    const seen = {
      loads: most((row) => row.loads),
      loadMs: most((row) => row.loadMs),
      evictions: most((row) => row.evictions),
    };
    return [{ ...Object.assign({}, ...group), ...seen }];
  });
}

/** The primary tells of what it finds itself, as each worker does. */
export function gatherReceivers(all: readonly Receivers[]): Receivers {
  const groups = Object.values(
    Object.groupBy(
      all.flatMap(({ receivers }) => receivers),
      ({ name }) => name,
    ),
  );
  return {
    receivers: groups.flatMap((group = []) => {
      const [first] = group;
      if (first === undefined) return [];
      return [
        {
          ...first,
          waiting: sumOf(group, ({ waiting }) => waiting),
          delivered: sumOf(group, ({ delivered }) => delivered),
          lost: sumOf(group, ({ lost }) => lost),
          disabled: group.some(({ disabled }) => disabled),
          lastTrouble: group.find(({ lastTrouble }) => lastTrouble !== '')?.lastTrouble ?? '',
        },
      ];
    }),
  };
}
