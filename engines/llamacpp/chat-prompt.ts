/** Turns messages into the tokens of a prompt, by the model's own chat template. */
import type { Token } from './binding.ts';
import type { Engine } from './engine.ts';
import { type Fields, isFields, readBoolean } from './fields.ts';
import { invalid, RequestError } from './request-error.ts';

export function parseChatPrompt(engine: Engine, fields: Fields): readonly Token[] {
  const messages = fields['messages'];
  if (!Array.isArray(messages) || messages.length === 0) {
    throw invalid('messages', 'must be an array of at least one message');
  }
  const parsed = messages.map(parseMessage);
  const text = readBoolean(fields, 'continue_final_message')
    ? renderOpen(engine, parsed)
    : render(engine, parsed);
  return withBeginning(engine, engine.model.tokenize(text, true));
}

/** Most templates write the token that begins a text; where one does not, the model still expects it. */
export function withBeginning(engine: Engine, tokens: readonly Token[]): readonly Token[] {
  const { bos, shouldPrependBosToken } = engine.model.tokens;
  return bos !== null && shouldPrependBosToken && tokens[0] !== bos ? [bos, ...tokens] : tokens;
}

const roles = new Map([
  ['system', 'system'],
  // OpenAI's newer name; templates know the older one.
  ['developer', 'system'],
  ['user', 'user'],
  ['assistant', 'assistant'],
  ['tool', 'tool'],
]);

function parseMessage(message: unknown, index: number): Fields {
  const path = `messages[${index}]`;
  if (!isFields(message)) throw invalid(path, 'must be an object');
  const role = roles.get(String(message['role']));
  if (role === undefined) throw invalid(`${path}.role`, `must be one of ${[...roles.keys()].join(', ')}`);
  return { ...message, role, content: parseContent(message['content'], `${path}.content`) };
}

function parseContent(content: unknown, path: string): string {
  if (content === null || content === undefined) return '';
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) throw invalid(path, 'must be a string or an array of parts');
  return content.map((part: unknown, index) => parsePart(part, `${path}[${index}]`)).join('');
}

function parsePart(part: unknown, path: string): string {
  if (!isFields(part)) throw invalid(path, 'must be an object');
  if (part['type'] !== 'text') throw invalid(`${path}.type`, 'must be text: this engine reads nothing else');
  if (typeof part['text'] !== 'string') throw invalid(`${path}.text`, 'must be a string');
  return part['text'];
}

/** The last message is the beginning of the reply. Templates close every message, so that it stands behind theirs. */
function renderOpen(engine: Engine, messages: readonly Fields[]): string {
  const last = messages.at(-1);
  if (last?.['role'] !== 'assistant') {
    throw invalid('continue_final_message', 'needs a last message of the assistant');
  }
  return render(engine, messages.slice(0, -1)) + String(last['content']);
}

function render(engine: Engine, messages: readonly Fields[]): string {
  try {
    return engine.chatTemplate.render({
      messages,
      add_generation_prompt: true,
      bos_token: engine.model.tokens.bosString ?? '',
      eos_token: engine.model.tokens.eosString ?? '',
    });
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new RequestError(`the model's chat template refuses the messages: ${problem}`, {
      param: 'messages',
      cause,
    });
  }
}
