import { embeddedKinds } from './fleet-kinds.ts';
import { openaiLeaveCases } from './openai-leave-cases.ts';
import { openaiShapeCases } from './openai-shape-cases.ts';
import { openaiTextCases } from './openai-text-cases.ts';

for (const kind of embeddedKinds) {
  openaiTextCases(kind);
  openaiShapeCases(kind);
  openaiLeaveCases(kind);
}
