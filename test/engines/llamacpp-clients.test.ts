import { ollamaShapeCases } from '../clients/ollama-shape-cases.ts';
import { ollamaTextCases } from '../clients/ollama-text-cases.ts';
import { openaiLeaveCases } from '../clients/openai-leave-cases.ts';
import { openaiShapeCases } from '../clients/openai-shape-cases.ts';
import { openaiTextCases } from '../clients/openai-text-cases.ts';
import { llamacpp } from './llamacpp-kind.ts';

openaiTextCases(llamacpp);
openaiShapeCases(llamacpp);
openaiLeaveCases(llamacpp);
ollamaTextCases(llamacpp);
ollamaShapeCases(llamacpp);
