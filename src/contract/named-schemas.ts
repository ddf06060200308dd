import * as z from 'zod';

/**
 * The schemas that have a name in the description of the API (`/openapi.json`): of what clients send, and of what they
 * are answered. Kept apart, because a schema with a transformation describes two things.
 */
export const requests = z.registry<{ id: string }>();
export const answers = z.registry<{ id: string }>();
