/** Models in servers' memory: how many are there, how often they are loaded and for how long, and what had to leave. */

export interface LoadFigures {
  readonly upstream: string;
  readonly resident: number;
  readonly loads: number;
  readonly loadMs: number;
  readonly evictions: number;
}

const series = [
  ['millrace_models_resident', 'gauge', 'Models in the memory of an upstream.', 'resident', 1],
  ['millrace_model_loads_total', 'counter', 'Models that an upstream loaded.', 'loads', 1],
  ['millrace_model_load_seconds_total', 'counter', 'How long loading them took.', 'loadMs', 1000],
  ['millrace_model_evictions_total', 'counter', 'Models that made room for others.', 'evictions', 1],
] as const;

export function renderLoads(figures: readonly LoadFigures[]): string {
  return series
    .map(([name, type, help, field, divisor]) => {
      const lines = figures.map((one) => `${name}{upstream="${one.upstream}"} ${one[field] / divisor}\n`);
      return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
    })
    .join('');
}
