/** What was said, sealed by the key of who said it, and bounded. */
import type { Content, Said, SealedContent } from '../core/content.ts';
import type { Sealer } from '../core/ports.ts';
import { SealError } from '../lib/seal.ts';

/** Of a prompt and of an answer, each. */
export const contentBytesMax = 256 * 1024;

const dayMs = 86_400_000;

export function sealContent({ id, owner, atMs, said }: Content, sealer: Sealer, days: number): SealedContent {
  const { tenant, user } = owner;
  const plain = Buffer.from(JSON.stringify(bounded(said)));
  const sealed = sealer.seal(plain, aboutOf(tenant, id));
  return { id, tenant, user, atMs, expiresAtMs: atMs + days * dayMs, sealed };
}

/** Nothing where its key was destroyed. */
export function openContent({ tenant, id, sealed }: SealedContent, sealer: Sealer): Said | undefined {
  try {
    return JSON.parse(Buffer.from(sealer.open(sealed, aboutOf(tenant, id))).toString()) as Said;
  } catch (thrown) {
    if (thrown instanceof SealError) return undefined;
    throw thrown;
  }
}

function aboutOf(tenant: string, id: string): string {
  return `content ${JSON.stringify([tenant, id])}`;
}

/** A prompt that is too long stays as the beginning of its text. */
function bounded(said: Said): Said {
  const prompt = JSON.stringify(said.prompt);
  const cutPrompt = cut(prompt);
  const answer = cut(said.answer);
  if (cutPrompt === prompt && answer === said.answer) return said;
  return { ...said, prompt: cutPrompt === prompt ? said.prompt : cutPrompt, answer, cut: true };
}

function cut(text: string): string {
  // No character takes more than three bytes for each of its units.
  if (text.length * 3 <= contentBytesMax) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= contentBytesMax) return text;
  return bytes
    .subarray(0, contentBytesMax)
    .toString()
    .replace(/\uFFFD$/, '');
}
