import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

const MAX_GZIPPED_BYTES = 6 * 1024;

/** As an app's bundler makes it: what is imported dynamically is loaded when it is needed. */
const bundle = (contents: string) =>
  build({
    stdin: { contents, resolveDir: 'src/client' },
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
    metafile: true,
    outdir: 'dist',
  });

describe('the bundle of the client', () => {
  it('is less than 6 KiB, gzipped, of nothing but its own folder, without what is loaded when needed', async () => {
    const { outputFiles, metafile } = await bundle("export { createSignpost } from './create-signpost.ts'");
    const { imports } = metafile.outputs['dist/stdin.js'] ?? {};
    expect(imports?.filter(({ kind }) => kind !== 'dynamic-import')).toEqual([]);
    expect(gzipSync(outputFiles[0]?.contents ?? '').length).toBeLessThan(MAX_GZIPPED_BYTES);
    expect(imports?.map(({ path }) => /^dist\/([a-z-]+)-\w+\.js$/.exec(path)?.[1]).toSorted()).toEqual([
      'explain-silence',
      'fit-file-name',
      'hash-in-pieces',
      'join-upload',
    ]);
    const inputs = Object.keys(metafile.inputs);
    expect(inputs.filter((path) => path !== '<stdin>' && !path.startsWith('src/client/'))).toEqual([]);
    expect(inputs.filter((path) => path.startsWith('src/client/encryption/'))).toEqual([]);
  });

  it('has encryption in a module of its own, of less than 3 KiB', async () => {
    const { outputFiles } = await bundle("export * from './encryption/with-keys.ts'");
    expect(gzipSync(outputFiles[0]?.contents ?? '').length).toBeLessThan(3 * 1024);
    const all = await bundle("export * from './create-signpost.ts'");
    expect(Object.keys(all.metafile.inputs).filter((path) => path.includes('encryption/'))).toEqual([]);
  });

  it('has the element in a module of its own, of less than 18.5 KiB, with the client and the queue', async () => {
    const { outputFiles } = await bundle("import '../element/signpost-uploader.ts'");
    expect(gzipSync(outputFiles[0]?.contents ?? '').length).toBeLessThan(18.5 * 1024);
  });

  it('has uploads of React Native in a module of their own, of less than 5 KiB', async () => {
    const { outputFiles } = await bundle("export * from './native/create-file-uploads.ts'");
    expect(gzipSync(outputFiles[0]?.contents ?? '').length).toBeLessThan(5 * 1024);
  });

  it('has the plugin for Uppy in a module of its own, of less than 2 KiB, without the client', async () => {
    const { outputFiles, metafile } = await bundle("export * from './uppy-plugin.ts'");
    expect(gzipSync(outputFiles[0]?.contents ?? '').length).toBeLessThan(2 * 1024);
    const inputs = Object.keys(metafile.inputs).toSorted();
    expect(inputs).toEqual(['<stdin>', 'src/client/clean-text.ts', 'src/client/uppy-plugin.ts']);
  });

  it('has the queue in a module of its own, of less than 5.5 KiB, without the client', async () => {
    const { outputFiles, metafile } = await bundle(
      "export { createUploadQueue } from './queue/create-upload-queue.ts'",
    );
    expect(gzipSync(outputFiles[0]?.contents ?? '').length).toBeLessThan(5.5 * 1024);
    const inputs = Object.keys(metafile.inputs).filter((path) => !path.startsWith('src/client/queue/'));
    expect(inputs.toSorted()).toEqual([
      '<stdin>',
      'src/client/clean-text.ts',
      'src/client/signpost-error.ts',
      'src/client/tell-app.ts',
    ]);
  });

  it.each(['react', 'vue', 'svelte', 'solid'])(
    'has the hooks of %s in less than 1 KiB, beside the queue',
    async (name) => {
      const { outputFiles } = await build({
        entryPoints: [`src/client/hooks/${name}.ts`],
        bundle: true,
        minify: true,
        format: 'esm',
        platform: 'browser',
        target: 'es2022',
        write: false,
        external: ['react', 'vue', 'svelte', 'solid-js', '../queue/*'],
      });
      expect(gzipSync(outputFiles[0]?.contents ?? '').length).toBeLessThan(1024);
    },
  );
});
