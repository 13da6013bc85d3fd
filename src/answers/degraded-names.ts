/** What cannot be reached, one by one; as replies have it, it is one text. */
export function degradedNames(text: string): readonly string[] {
  return text === '' ? [] : text.split(', ');
}
