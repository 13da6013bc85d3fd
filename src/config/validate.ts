/** The tree against the schema: a configuration, or everything that is wrong with it. */
import { createMeant } from '../lib/closest.ts';
import { explain, type Issue } from './explain.ts';
import { emptyMap, nodeAt, type Path, type Placed, plainValue, withNode, withoutNodes } from './placed.ts';
import type { Problem } from './problem.ts';
import { type Config, configSchema } from './schema.ts';

export interface Validated {
  /** What is left when the wrong parts are left out, so that the rest can be checked further. */
  readonly config: Config;
  /** The tree that `config` was read from. */
  readonly root: Placed;
  readonly problems: readonly Problem[];
}

export function validate(tree: Placed): Validated {
  let root = tree;
  const problems: Problem[] = [];
  const meant = createMeant();
  // Each round leaves out what was wrong, and the empty tree is right: this ends.
  for (;;) {
    const result = configSchema.safeParse(plainValue(root));
    if (result.success) return { config: result.data, root, problems };
    const { issues } = result.error;
    const tightened = tighten(root, issues);
    if (tightened !== root) {
      root = tightened;
      continue;
    }
    // What follows from leaving something out is not the author's mistake.
    if (root === tree || problems.length === 0)
      for (const issue of issues) problems.push(...explain(issue, root, meant));
    const rest = leaveOut(root, issues);
    root = rest === root ? emptyMap(root.place) : rest;
  }
}

const number = /^-?\d{1,15}(?:\.\d{1,15})?$/;

/** Text from the environment becomes the number or boolean that the schema asks for. */
function tighten(root: Placed, issues: readonly Issue[]): Placed {
  let tree = root;
  for (const issue of issues) {
    if (issue.code !== 'invalid_type') continue;
    const node = nodeAt(tree, issue.path);
    if (node?.kind !== 'scalar' || node.loose !== true || typeof node.value !== 'string') continue;
    const value = readAs(issue.expected, node.value.trim());
    if (value === undefined) continue;
    const entry = { keyPlace: node.place, value: { ...node, value, loose: false } };
    tree = withNode(tree, issue.path as Path, entry);
  }
  return tree;
}

function readAs(expected: string, text: string): number | boolean | undefined {
  if (expected === 'boolean') return { true: true, false: false }[text.toLowerCase()];
  return (expected === 'number' || expected === 'int') && number.test(text) ? Number(text) : undefined;
}

/** Removes the smallest part that each issue is about; where something is missing, the map that lacks it. */
function leaveOut(root: Placed, issues: readonly Issue[]): Placed {
  const paths = new Map<string, Path>();
  for (const issue of issues) {
    const path = issue.path as Path;
    const wrong = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...path, key]) : [path];
    for (const one of wrong) paths.set(JSON.stringify(existing(root, one)), existing(root, one));
  }
  return withoutNodes(root, [...paths.values()]);
}

function existing(root: Placed, path: Path): Path {
  if (nodeAt(root, path) !== undefined) return path;
  return path.length === 0 ? path : existing(root, path.slice(0, -1));
}
