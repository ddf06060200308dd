import { toLambdaHandler } from 'signpost/lambda';
import { signpost } from './signpost.js';

export const handler = toLambdaHandler(signpost);
export const jobs = () => signpost.runJobs(); // for a schedule of EventBridge
