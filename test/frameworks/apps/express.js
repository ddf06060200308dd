import express from 'express';
import { toNodeHandler } from 'signpost/node';
import { signpost } from './signpost.js';

const app = express();
app.use('/uploads', toNodeHandler(signpost)); // before express.json(): it reads the body itself
app.use(express.json());
app.listen(process.env.PORT);
