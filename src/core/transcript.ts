/** Collects the text of an answer as it is delivered, for whoever keeps it afterwards. Bounded. */
export class Transcript {
  readonly #charsMax: number;
  text = '';

  constructor(charsMax: number) {
    this.#charsMax = charsMax;
  }

  add(text: string): void {
    if (this.text.length < this.#charsMax) this.text += text;
  }
}
