import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

const MAX_GZIPPED_BYTES = 6 * 1024;

describe('the bundle of the client', () => {
  it('is one module of less than 6 KiB, gzipped, of nothing but its own folder: uploads alone', async () => {
    const { outputFiles, metafile } = await build({
      stdin: { contents: "export { createSignpost } from './create-signpost.ts'", resolveDir: 'src/client' },
      ...{ bundle: true, minify: true, format: 'esm', platform: 'browser', target: 'es2022' },
      ...{ write: false, metafile: true, outdir: 'dist' },
    });
    expect(outputFiles).toHaveLength(1);
    expect(gzipSync(outputFiles[0]?.contents ?? '').length).toBeLessThan(MAX_GZIPPED_BYTES);
    const inputs = Object.keys(metafile.inputs);
    expect(inputs.filter((path) => path !== '<stdin>' && !path.startsWith('src/client/'))).toEqual([]);
  });
});
