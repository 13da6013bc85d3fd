/** Keeps the audit log: what is changed is written down before it is done, and how it ended after. */
import type { AuditAnchor, AuditEvent, Auditor } from '../core/audit.ts';
import { asFailure, fail } from '../core/failure.ts';
import type { Audit } from '../core/ports.ts';
import type { Clock } from '../lib/clock.ts';
import { sayOutage } from '../stores/sql/outage.ts';
import type { Log } from '../telemetry/log.ts';
import { Refusals } from './refusals.ts';

export interface AuditorOptions {
  readonly audit: Audit;
  readonly clock: Clock;
  readonly log: Log;
}

export interface OpenAuditor extends Auditor {
  /** Writes what is still to be written, and tells the log where the chain stands. */
  close(): Promise<void>;
}

const anchorEveryMs = 86_400_000;
/** Records of what has happened that wait to be kept. */
const pendingMax = 256;

export function openAuditor({ audit, clock, log }: AuditorOptions): OpenAuditor {
  let last: AuditAnchor | undefined;
  const pending = new Set<Promise<void>>();
  const append = async (event: AuditEvent): Promise<number> => {
    const { number, digest } = await audit.append(event);
    last = { number, digest };
    return number;
  };
  let closed = false;
  /** What cannot be kept stands in the log at least. */
  const unkept = (event: AuditEvent, message: string) =>
    log.error({ event, message }, 'the audit log could not be written');
  const keep = (event: AuditEvent): Promise<void> => {
    if (closed || pending.size >= pendingMax) {
      unkept(event, closed ? 'the gateway has stopped' : `${pendingMax} records wait already`);
      return Promise.resolve();
    }
    const kept = append(event)
      .then(
        () => {},
        (thrown: unknown) => unkept(event, sayOutage(asFailure(thrown))),
      )
      .finally(() => pending.delete(kept));
    pending.add(kept);
    return kept;
  };
  const note: Auditor['note'] = (act, outcome) => void keep({ ...act, outcome, atMs: clock.wall() });
  const refusals = new Refusals({ clock, record: (act) => note(act, 'refused') });
  const stopAnchors = repeat(clock, anchorEveryMs, () => tellAnchor(log, last));
  return {
    begin: async (act) => {
      const number = await append({ ...act, outcome: 'begun', atMs: clock.wall() }).catch(refuseUnkept);
      return async (outcome, more = {}) => {
        const detail = { begun: number, ...more.detail };
        await keep({ ...act, ...more, detail, outcome, atMs: clock.wall() });
      };
    },
    note,
    refuse: (act) => refusals.add(act),
    close: async () => {
      stopAnchors();
      refusals.close();
      closed = true;
      await Promise.all(pending);
      tellAnchor(log, last);
    },
  };
}

function refuseUnkept(thrown: unknown): never {
  throw fail('dependency_unavailable', 'nothing was changed: the audit log cannot be written now', {
    retryAfterS: 1,
    cause: thrown,
  });
}

/** Outside of the database, where whoever shortens the chain there cannot reach. */
function tellAnchor(log: Log, last: AuditAnchor | undefined): void {
  if (last === undefined) return;
  const anchor = `${last.number}:${last.digest}`;
  log.info({ anchor }, 'the audit log stands here; `millrace audit verify --since ANCHOR` proves it later');
}

function repeat(clock: Clock, everyMs: number, run: () => void): () => void {
  let timer = clock.after(everyMs, again);
  return () => timer.cancel();
  function again() {
    timer = clock.after(everyMs, again);
    run();
  }
}
