/** How many requests llama.cpp works on at once: OpenAI's API has no word for that, and it queues the others unseen. */
import type { SlotsTold } from '../../core/adapter.ts';
import { asObject } from '../../core/json-object.ts';

export const llamacppSlots: SlotsTold = {
  path: '../props',
  isToldBy: (model) => model['owned_by'] === 'llamacpp',
  read: (body) => {
    const slots = asObject(body)?.['total_slots'];
    return typeof slots === 'number' && Number.isInteger(slots) && slots > 0 ? slots : undefined;
  },
};
