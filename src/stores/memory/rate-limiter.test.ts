import { rateLimiterConformance } from '../../../test/conformance/rate-limiter.ts';
import { createMemoryRateLimiter } from './rate-limiter.ts';

rateLimiterConformance('memory', createMemoryRateLimiter);
