import { presenceConformance } from '../../../test/conformance/presence.ts';
import { createMemoryPresence } from './presence.ts';

presenceConformance({ driver: 'memory', open: () => Promise.resolve(createMemoryPresence()) });
