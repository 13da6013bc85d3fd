/** Words that mean nothing and say so by their monotony. Each is one token. */
const sentences = [
  [' The', adjective, noun, verb, ' the', adjective, noun],
  [' A', noun, verb, ' near', ' the', noun],
  [' Then', ' the', noun, verb, ' a', adjective, noun],
  [' Every', adjective, noun, verb, ' its', noun],
] as const;

const adjectives = [' quiet', ' round', ' patient', ' grey', ' early', ' wooden', ' slow', ' bright'];
const nouns = [
  ' river',
  ' mill',
  ' wheel',
  ' grain',
  ' stone',
  ' miller',
  ' heron',
  ' sluice',
  ' meadow',
  ' sack',
];
const verbs = [' turns', ' carries', ' follows', ' meets', ' grinds', ' watches', ' moves', ' fills'];

/** One sentence as tokens, the full stop included. */
export function fillerSentence(random: () => number): string[] {
  const words = pick(sentences, random).map((word) => (typeof word === 'string' ? word : word(random)));
  words.push('.');
  return words;
}

function adjective(random: () => number): string {
  return pick(adjectives, random);
}

function noun(random: () => number): string {
  return pick(nouns, random);
}

function verb(random: () => number): string {
  return pick(verbs, random);
}

function pick<Item>(items: readonly Item[], random: () => number): Item {
  return items[Math.floor(random() * items.length)] as Item;
}
