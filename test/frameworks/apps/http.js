import { createServer } from 'node:http';
import { toNodeHandler } from 'signpost/node';
import { signpost } from './signpost.js';

createServer(toNodeHandler(signpost)).listen(process.env.PORT);
