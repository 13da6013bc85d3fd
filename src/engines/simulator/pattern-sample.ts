/**
 * A short string that a regular expression matches, made from the expression itself. A client's expression is
 * never run: some would run for years (G13).
 */
const repeatsMax = 1000;
const lengthMax = 10_000;

/** Nothing where the pattern uses what is not known here: look-around, back-references, Unicode properties. */
export function samplePattern(pattern: string, lengthMin = 0): string | undefined {
  try {
    const sampler = new Sampler(pattern, lengthMin);
    return sampler.whole();
  } catch (error) {
    if (error instanceof NotUnderstood) return undefined;
    throw error;
  }
}

class NotUnderstood extends Error {}

const escapes: Readonly<Record<string, string>> = {
  d: '0',
  D: 'a',
  w: 'a',
  W: '-',
  s: ' ',
  S: 'a',
  n: '\n',
  t: '\t',
  r: '\r',
};
/** What a negated class is tried with, in this order. */
const ordinary = 'ax0 -_.A9!~zZ';
const members: Readonly<Record<string, RegExp>> = { d: /\d/, D: /\D/, w: /\w/, W: /\W/, s: /\s/, S: /\S/ };

class Sampler {
  readonly #pattern: string;
  readonly #lengthMin: number;
  #at = 0;
  #made = 0;

  constructor(pattern: string, lengthMin: number) {
    this.#pattern = pattern;
    this.#lengthMin = lengthMin;
  }

  whole(): string {
    const text = this.#alternatives();
    if (this.#at < this.#pattern.length) throw new NotUnderstood();
    return text.length < this.#lengthMin && !this.#pattern.endsWith('$')
      ? text.padEnd(this.#lengthMin, 'a')
      : text;
  }

  /** The first alternative is taken; the others are read past. */
  #alternatives(): string {
    const first = this.#sequence();
    while (this.#take('|')) this.#sequence();
    return first;
  }

  #sequence(): string {
    let text = '';
    while (this.#at < this.#pattern.length && !this.#next('|') && !this.#next(')')) {
      const atom = this.#atom();
      text += this.#repeated(atom, text.length);
      if (text.length > lengthMax) throw new NotUnderstood();
    }
    return text;
  }

  #atom(): string {
    const character = this.#character();
    if (character === '^' || character === '$') return '';
    if (character === '.') return 'a';
    if (character === '(') return this.#group();
    if (character === '[') return this.#class();
    if (character === '\\') return this.#escape();
    if ('*+?{'.includes(character)) throw new NotUnderstood();
    return character;
  }

  #group(): string {
    if (this.#take('?') && !this.#take(':')) throw new NotUnderstood();
    const text = this.#alternatives();
    if (!this.#take(')')) throw new NotUnderstood();
    return text;
  }

  #escape(): string {
    const character = this.#character();
    if (Object.hasOwn(escapes, character)) return escapes[character] ?? '';
    if (/[a-zA-Z0-9]/.test(character)) throw new NotUnderstood();
    return character;
  }

  #class(): string {
    const negated = this.#take('^');
    const tests: Array<(character: string) => boolean> = [];
    let first = '';
    while (!this.#take(']')) {
      const from = this.#classMember(tests);
      first ||= from;
      if (this.#next('-') && this.#pattern[this.#at + 1] !== ']') {
        this.#at += 1;
        const to = this.#classMember(tests);
        tests.push((character) => character >= from && character <= to);
      }
    }
    const chosen = negated ? [...ordinary].find((one) => !tests.some((test) => test(one))) : first;
    if (chosen === undefined || chosen === '') throw new NotUnderstood();
    return chosen;
  }

  #classMember(tests: Array<(character: string) => boolean>): string {
    const character = this.#character();
    if (character !== '\\') {
      tests.push((candidate) => candidate === character);
      return character;
    }
    const kind = members[this.#pattern[this.#at] ?? ''];
    const escaped = this.#escape();
    tests.push(
      kind === undefined ? (candidate) => candidate === escaped : (candidate) => kind.test(candidate),
    );
    return escaped;
  }

  #repeated(atom: string, before: number): string {
    const quantifier = this.#quantifier();
    if (quantifier === undefined) return atom;
    // The last thing that may repeat makes up for what the text is short of.
    const missing = this.#lengthMin - before;
    const wanted = atom === '' || missing <= 0 ? 0 : Math.ceil(missing / atom.length);
    const count = Math.max(quantifier.least, Math.min(wanted, quantifier.most));
    this.#made += count * atom.length;
    if (count > repeatsMax || this.#made > lengthMax) throw new NotUnderstood();
    return atom.repeat(count);
  }

  #quantifier(): { least: number; most: number } | undefined {
    const found = /^(?:[*+?]|\{(\d{1,4})(?:(,)(\d{0,4}))?\})\??/.exec(
      this.#pattern.slice(this.#at, this.#at + 16),
    );
    if (found === null) return undefined;
    this.#at += found[0].length;
    const [text, least, comma, most] = found;
    if (text.startsWith('*')) return { least: 0, most: repeatsMax };
    if (text.startsWith('+')) return { least: 1, most: repeatsMax };
    if (text.startsWith('?')) return { least: 0, most: 1 };
    const fewest = Number(least);
    return { least: fewest, most: comma === undefined ? fewest : most ? Number(most) : repeatsMax };
  }

  #character(): string {
    const character = this.#pattern[this.#at];
    if (character === undefined) throw new NotUnderstood();
    this.#at += 1;
    return character;
  }

  #next(character: string): boolean {
    return this.#pattern[this.#at] === character;
  }

  #take(character: string): boolean {
    const found = this.#next(character);
    if (found) this.#at += 1;
    return found;
  }
}
