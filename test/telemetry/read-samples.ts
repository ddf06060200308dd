/** The samples of Prometheus's text format, by name and labels, these in alphabetical order. */
export function readSamples(text: string): Record<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => {
      const [, name = '', labels, value] = /^([a-z0-9_]+)(?:\{(.*)\})? (\S+)$/i.exec(line) ?? [];
      if (value === undefined) throw new Error(`not a sample: ${line}`);
      const sorted = [...(labels ?? '').matchAll(/[a-z_]+="(?:[^"\\]|\\.)*"/g)].map(([label]) => label).sort();
      return [sorted.length === 0 ? name : `${name}{${sorted.join(',')}}`, Number(value)];
    }),
  );
}
