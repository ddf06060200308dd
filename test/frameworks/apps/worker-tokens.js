import { createSignpost, settingsFrom } from 'signpost';
import { toWorker } from 'signpost/worker';

export default toWorker(createSignpost({ settings: settingsFrom(process.env), basePath: '/uploads' }));
