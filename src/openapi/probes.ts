/** What orchestrators and Prometheus ask, described. */
import { z } from 'zod';
import type { DescribedRoutes } from './described-route.ts';

export const probeRoutes: DescribedRoutes = {
  livez: {
    summary: 'Whether the process lives',
    answer: { type: 'text/plain', text: '`ok`' },
    example: {},
  },
  readyz: {
    summary: 'Whether it takes work',
    answer: z.object({ status: z.enum(['ready', 'starting', 'full', 'draining']) }),
    otherwise: { 503: 'It does not: it is `starting`, `full` or `draining`.' },
    example: {},
  },
  health: {
    summary: 'Whether it takes work and some upstream is there',
    answer: z.object({
      status: z.enum(['healthy', 'unhealthy']),
      upstreams: z.array(z.object({ name: z.string(), state: z.enum(['unknown', 'up', 'down']) })),
    }),
    otherwise: { 503: 'It does not, or every upstream is known to be down.' },
    example: {},
  },
  metrics: {
    summary: 'Counters for Prometheus; 404 where they are for another listener',
    answer: { type: 'text/plain', text: 'The text format of Prometheus.' },
    example: {},
  },
  'documents.openapi': {
    summary: 'This document',
    answer: z.looseObject({ openapi: z.string() }),
    example: {},
  },
  'documents.docs': {
    summary: 'The same for people, to try',
    answer: { type: 'text/html', text: 'A page.' },
    example: {},
  },
  'documents.redoc': {
    summary: 'The same for people, to read',
    answer: { type: 'text/html', text: 'A page.' },
    example: {},
  },
};
