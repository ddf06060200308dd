import { toRouteHandlers } from 'signpost/next';
import { signpost } from '../../../../signpost.ts';

export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = toRouteHandlers(signpost);
