export function compileSolid(source: string): Promise<string>;
