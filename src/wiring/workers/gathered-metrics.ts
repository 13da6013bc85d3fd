/**
 * The metrics of several processes as those of one: the same series are added up. What a worker counted stays counted when
 * it ends, as far as it was heard: a counter that falls would be taken for one that began anew.
 */

interface Family {
  /** Its `HELP` and `TYPE` lines. */
  readonly head: string;
  readonly type: string;
  /** By name and labels, as they are written. */
  readonly series: Map<string, number>;
}

type Families = Map<string, Family>;

/** What all see alike: whether something is so, and what happens at servers, seen by whoever looks. */
const seenByAll: readonly string[] = [
  'millrace_degraded',
  'millrace_upstream_state',
  'millrace_models_resident',
  'millrace_model_evictions_total',
];
/** The primary has upstreams as the configuration names them, and never asks them anything. */
const ofWorkersAlone = /^millrace_upstream_/;

export class GatheredMetrics {
  readonly #last = new Map<number, Families>();
  /** What those counted that are no more. */
  readonly #gone: Families = new Map();

  heard(worker: number, text: string): void {
    this.#last.set(worker, parse(text));
  }

  ended(worker: number): void {
    const last = this.#last.get(worker) ?? new Map<string, Family>();
    this.#last.delete(worker);
    for (const [name, family] of last) if (family.type !== 'gauge') add(this.#gone, name, family);
  }

  /** With what the primary says of itself. */
  render(own: string): string {
    const sum: Families = new Map();
    for (const [name, family] of parse(own)) if (!ofWorkersAlone.test(name)) add(sum, name, family);
    for (const families of [this.#gone, ...this.#last.values()])
      for (const [name, family] of families) add(sum, name, family);
    return [...sum.values()].map(textOf).join('');
  }
}

const line = /^([a-zA-Z_:][\w:]*)(\{.*\})? (\S+)$/;

function parse(text: string): Families {
  const families: Families = new Map();
  let family: Family | undefined;
  let help = '';
  for (const said of text.split('\n')) {
    if (said.startsWith('# HELP ')) help = `${said}\n`;
    else if (said.startsWith('# TYPE ')) {
      const [, , name = '', type = ''] = said.split(' ');
      family = { head: `${help}${said}\n`, type, series: new Map() };
      families.set(name, family);
    } else {
      const [, name, labels = '', value] = line.exec(said) ?? [];
      if (name !== undefined) family?.series.set(`${name}${labels}`, Number(value));
    }
  }
  return families;
}

function add(sum: Families, name: string, { head, type, series }: Family): void {
  const before = sum.get(name) ?? { head, type, series: new Map<string, number>() };
  sum.set(name, before);
  const joined = seenByAll.includes(name) ? Math.max : (one: number, other: number) => one + other;
  for (const [key, value] of series) before.series.set(key, joined(before.series.get(key) ?? 0, value));
}

function textOf({ head, series }: Family): string {
  return head + [...series].map(([key, value]) => `${key} ${value}\n`).join('');
}
