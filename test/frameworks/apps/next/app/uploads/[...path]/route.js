import { toRouteHandlers } from 'signpost/next';
import { signpost } from '../../../signpost.js';

export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = toRouteHandlers(signpost);
