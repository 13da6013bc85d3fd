/** Which tools the simulator calls, and with what: one part a token, as engines stream them. */
import type { Tool } from '../../core/call.ts';
import { fail } from '../../core/failure.ts';
import type { Part } from '../../core/part.ts';
import type { Ask } from './ask.ts';
import { hashNumber } from './random.ts';
import { instanceOf } from './schema-instance.ts';
import { tokenise } from './tokenise.ts';

export function chooseToolCalls(ask: Ask, choice: number): Part[] {
  return chooseTools(ask).flatMap((tool, index) => callParts(tool, index, { ask, choice }));
}

function chooseTools(ask: Ask): readonly Tool[] {
  if (ask.call.kind !== 'chat') return [];
  const { tools = [], toolChoice = 'auto', parallelToolCalls } = ask.call;
  // A tool's result is answered in words, or an agent's loop would never end.
  if (tools.length === 0 || toolChoice === 'none' || ask.toolResults.length > 0) return [];
  if (typeof toolChoice === 'object') return [toolNamed(tools, toolChoice.name)];
  const mentioned = tools.filter((tool) => mentions(ask.said, tool.name));
  const chosen = mentioned.length === 0 && toolChoice === 'required' ? tools.slice(0, 1) : mentioned;
  return parallelToolCalls === false ? chosen.slice(0, 1) : chosen;
}

function toolNamed(tools: readonly Tool[], name: string): Tool {
  const tool = tools.find((candidate) => candidate.name === name);
  if (tool !== undefined) return tool;
  throw fail('invalid_request', `tool_choice names ${name}, which is not among the tools`, {
    param: 'tool_choice',
  });
}

function mentions(said: string, name: string): boolean {
  const text = said.toLowerCase();
  return text.includes(name.toLowerCase()) || text.includes(name.toLowerCase().replaceAll(/[_-]/g, ' '));
}

function callParts(tool: Tool, index: number, { ask, choice }: { ask: Ask; choice: number }): Part[] {
  const id = `call_${hashNumber(index, hashNumber(choice, ask.seed)).toString(16).padStart(8, '0')}`;
  const fragments = tokenise(JSON.stringify(instanceOf({ type: 'object', ...tool.parameters }, 'tools')));
  return [
    { type: 'tool-call-delta', index, choice, id, name: tool.name, arguments: '' },
    ...fragments.map((fragment): Part => ({ type: 'tool-call-delta', index, choice, arguments: fragment })),
  ];
}
