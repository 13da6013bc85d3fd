/** A map by three names, each looked up by itself: one key made of all three would be written and hashed at each look. */
export class ByThree<Value> {
  size = 0;
  #first = new Map<string, Map<string, Map<string, Value>>>();

  get(first: string, second: string, third: string): Value | undefined {
    return this.#first.get(first)?.get(second)?.get(third);
  }

  add(names: readonly [first: string, second: string, third: string], value: Value): Value {
    const [first, second, third] = names;
    const ofFirst = this.#first.get(first) ?? new Map<string, Map<string, Value>>();
    const ofSecond = ofFirst.get(second) ?? new Map<string, Value>();
    if (!ofSecond.has(third)) this.size += 1;
    this.#first.set(first, ofFirst.set(second, ofSecond.set(third, value)));
    return value;
  }

  clear(): void {
    this.#first = new Map();
    this.size = 0;
  }

  get values(): readonly Value[] {
    return [...this.#first.values()].flatMap((ofFirst) =>
      [...ofFirst.values()].flatMap((ofSecond) => [...ofSecond.values()]),
    );
  }
}
