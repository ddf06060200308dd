export function printTable(title: string, head: string[], rows: string[][]): void {
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  print(`## ${title}\n\n${lines.join('\n')}`);
}

export function print(text: string): void {
  console.log(`${text}\n`);
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(0)} MiB`;
}

export function perSecond(bytes: number): string {
  return `${mebibytes(bytes)}/s`;
}
