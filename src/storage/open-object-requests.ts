import type { Slots } from '../net/slots.ts';
import { openConnections } from './open-connections.ts';
import { MAX_HASHED, MAX_READERS, MAX_RUNNING } from './request-limits.ts';
import { type ObjectRequestOptions, type ObjectRequests, requestObjects } from './request-objects.ts';

/**
 * Requests on the bucket's objects, each kind over its own connections.
 * @param turns limits the quick ones.
 */
export function openObjectRequests(
  options: Omit<ObjectRequestOptions, 'connections'> & { turns: Slots },
): ObjectRequests & { close: () => Promise<void> } {
  const { turns, ...others } = options;
  const origin = `${options.endpoint.protocol}//${options.endpoint.host}`;
  // A request has its turn until the headers arrive; its connection may still be reading first bytes.
  const quick = openConnections(origin, { maxSockets: 2 * MAX_RUNNING });
  const content = openConnections(origin, { maxSockets: MAX_READERS, bodyWithinMs: null, mayPause: true });
  const hashing = openConnections(origin, { maxSockets: MAX_HASHED, bodyWithinMs: null });
  return {
    quick: requestObjects({ ...others, turns, connections: quick }),
    content: requestObjects({ ...others, connections: content }),
    hashing: requestObjects({ ...others, connections: hashing }),
    close: async () => void (await Promise.all([quick.close(), content.close(), hashing.close()])),
  };
}
