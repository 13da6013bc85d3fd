import type { z } from 'zod';
import { upstreamsShape } from '../admin/shapes.ts';
import type { AdminPlace } from './admin-client.ts';
import { askAllPages } from './admin-pages.ts';

type ToldUpstream = z.output<typeof upstreamsShape>['upstreams'][number];

export async function askUpstreams(place: AdminPlace): Promise<ToldUpstream[]> {
  const pages = await askAllPages(place, { path: 'upstreams', shape: upstreamsShape });
  return pages.flatMap(({ upstreams }) => upstreams);
}
