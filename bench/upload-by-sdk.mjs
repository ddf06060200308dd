// node bench/upload-by-sdk.mjs URL TOKEN FILE: uploads one file by the built SDK, as a page or a script does.
import { openAsBlob } from 'node:fs';
import { createSignpost } from '../dist/client.js';

const [url, token, path] = process.argv.slice(2);
const { size } = await createSignpost({ url, token }).upload(await openAsBlob(path));
console.log(size);
