/** Keys that someone else could guess: too short, from an example, or from a keyboard. */

const lengthFloor = 8;
const distinctMin = 6;
/** What keys in examples are made of; a key must have enough beside it. */
const fillers =
  /change[-_ ]?(?:me|it|this)?|passw(?:ord|d)|passwort|secret|example|sample|insert|replace|your|here|admin|default|millrace|test(?:ing)?|dummy|token|bearer|master|api|key|sk-(?:mr-)?|0?1234(?:5(?:6(?:7(?:89?0?)?)?)?)?|abc(?:d(?:ef?)?)?|qwerty|foo|bar/g;

/** Why a secret is refused, without repeating it; nothing when it will do. */
export function weaknessOf(text: string, lengthMin: number): string | undefined {
  if (isKnown(text)) return 'is well known or easily guessed; take a random one';
  if (text.length < lengthMin) return `must be at least ${lengthMin} characters`;
  return undefined;
}

function isKnown(text: string): boolean {
  const rest = text
    .toLowerCase()
    .replace(fillers, '')
    .replace(/[^a-z0-9]/g, '');
  const familiar = rest.length < Math.min(lengthFloor, text.length);
  return familiar ? true : new Set(text).size < Math.min(distinctMin, text.length);
}
