import { toWorker } from 'signpost/worker';
import { signpost } from './signpost.js';

export default toWorker(signpost);
