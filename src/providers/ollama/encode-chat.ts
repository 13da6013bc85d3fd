/** A neutral chat as the body of `/api/chat`. */
import type { ChatCall, Tool } from '../../core/call.ts';
import { messagesWithBegun } from '../../protocol/begun-message.ts';
import { encodeMessages } from './encode-messages.ts';
import { encodeShared } from './encode-options.ts';
import { cannot, ownExtra } from './refuse.ts';

export function encodeChat(call: ChatCall, model: string): object {
  return {
    ...withoutContext(ownExtra(call)),
    model,
    messages: encodeMessages(messagesWithBegun(call)),
    tools: encodeTools(call),
    ...encodeShared(call),
  };
}

/** `/api/chat` knows no `context`: by the time we encode one it has become messages. */
function withoutContext({ context: _, ...extra }: ReturnType<typeof ownExtra>) {
  return extra;
}

function encodeTools(call: ChatCall): readonly object[] | undefined {
  const { tools, toolChoice = 'auto' } = call;
  if (call.parallelToolCalls === false && tools !== undefined) {
    throw cannot('parallel_tool_calls', 'be kept from calling several tools at once');
  }
  if (tools === undefined || tools.length === 0) return undefined;
  if (toolChoice === 'none') return undefined;
  if (toolChoice !== 'auto') throw cannot('tool_choice', 'be made to call a tool');
  return tools.map(encodeTool);
}

/** Ollama demands parameters even of a tool that takes none. */
function encodeTool(tool: Tool, index: number): object {
  if (tool.other !== undefined) throw cannot(`tools[${index}]`, 'use a tool that is no function');
  return {
    type: 'function',
    function: {
      name: tool.name,
      description: tool.description,
      parameters: tool.parameters ?? { type: 'object', properties: {} },
    },
  };
}
