import fc from 'fast-check';

const CHARACTERS = [...'ABYZabyz0189+/=-_.~% "\\{}', '\u0000', '\u00e9'];

/** The text with a character replaced, left out or added, or cut off at a place. */
export function changedText(text: string): fc.Arbitrary<string> {
  const change = fc.constantFrom<(at: number, by: string) => string>(
    (at, by) => text.slice(0, at) + by + text.slice(at + 1),
    (at) => text.slice(0, at) + text.slice(at + 1),
    (at, by) => text.slice(0, at) + by + text.slice(at),
    (at) => text.slice(0, at),
  );
  return fc
    .tuple(change, fc.nat(text.length - 1), fc.constantFrom(...CHARACTERS))
    .map(([apply, at, by]) => apply(at, by))
    .filter((changed) => changed !== text);
}
