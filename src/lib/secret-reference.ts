/** Secrets that are written as the place where they lie. */

/** In this process's environment or on its disk: there at once. */
const localPrefixes = ['env:', 'file:'] as const;
/** Somewhere that has to be asked. */
const remotePrefixes = ['vault:', 'aws-sm:', 'store:'] as const;

export function isRemoteReference(text: string): boolean {
  return remotePrefixes.some((prefix) => text.startsWith(prefix));
}

export function isSecretReference(text: string): boolean {
  return localPrefixes.some((prefix) => text.startsWith(prefix)) || isRemoteReference(text);
}

export type RemoteReference =
  | { readonly kind: 'vault'; readonly place: string; readonly field: string }
  /** Without a field the whole text. */
  | { readonly kind: 'aws-sm'; readonly place: string; readonly field: string | undefined }
  | { readonly kind: 'store'; readonly place: string; readonly field: undefined };

const plain = /^[^\s\p{C}#]{1,512}$/u;
const vaultPath = /^(?!\/)(?!.*(?:\/\/|(?:^|\/)\.\.?(?:\/|$)))[^\s\p{C}#?%\\]{1,512}(?<!\/)$/u;
export const storedName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Or what is wrong with it. */
export function parseRemoteReference(text: string): RemoteReference | { readonly problem: string } {
  const colon = text.indexOf(':');
  const kind = text.slice(0, colon);
  const [place = '', field, more] = text.slice(colon + 1).split('#');
  const hasField = field !== undefined && plain.test(field) && more === undefined;
  if (kind === 'vault') {
    if (vaultPath.test(place) && hasField) return { kind, place, field };
    return { problem: 'must be `vault:path/to/secret#field`' };
  }
  if (kind === 'aws-sm') {
    if (plain.test(place) && (hasField || field === undefined)) return { kind, place, field };
    return { problem: 'must be `aws-sm:name`, or `aws-sm:name#field` for a field of a JSON object' };
  }
  if (kind === 'store' && storedName.test(place) && field === undefined) return { kind, place, field };
  return { problem: 'must be `store:NAME`, of letters, digits, dots, dashes and underscores' };
}
