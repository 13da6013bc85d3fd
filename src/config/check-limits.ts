/** Limits for a path: one that nothing is asked at would limit nobody, and look as if it did. */
import { answerPaths, documentPaths } from '../answers/answer-paths.ts';
import { closest } from '../lib/closest.ts';
import { callPaths } from '../protocol/call-paths.ts';
import type { Finding } from './check.ts';
import type { Config } from './schema.ts';

const paths: readonly string[] = [
  ...Object.values(callPaths).flat(),
  ...Object.values(answerPaths).flatMap((route) => route.paths),
  ...Object.values(documentPaths),
];

export function checkLimits({ config }: { readonly config: Pick<Config, 'limits'> }): Finding[] {
  return config.limits.flatMap(({ route }, index) => {
    if (route === undefined || paths.includes(route)) return [];
    const meant = closest(route, paths);
    const hint = meant === undefined ? 'such as /v1/chat/completions' : `did you mean \`${meant}\`?`;
    return [{ path: ['limits', index, 'route'], message: 'is no path of this gateway', hint }];
  });
}
