import { embeddedKinds } from './fleet-kinds.ts';
import { ollamaShapeCases } from './ollama-shape-cases.ts';
import { ollamaTextCases } from './ollama-text-cases.ts';

for (const kind of embeddedKinds) {
  ollamaTextCases(kind);
  ollamaShapeCases(kind);
}
