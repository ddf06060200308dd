/**
 * Whether a file fits an `accept` attribute (the HTML standard, section 4.10.5.1.17): extensions, types, and patterns
 * like `image/*`, separated by commas. Without one, every file does.
 */
export function acceptsFile(accept: string, fileName: string, contentType: string): boolean {
  const tokens = accept.split(',').flatMap((token) => token.trim().toLowerCase() || []);
  const [name, type] = [fileName.toLowerCase(), contentType.toLowerCase()];
  return (
    tokens.length === 0 ||
    tokens.some((token) => {
      if (token.startsWith('.')) return name.endsWith(token);
      return token === type || token === '*/*' || (token.endsWith('/*') && type.startsWith(token.slice(0, -1)));
    })
  );
}
