import { Problem, throwUnavailable } from '../contract/errors.ts';
import { type BucketEvent, bucketEventsText } from './bucket-event.ts';
import { createSnsVerifier, type Download } from './create-sns-verifier.ts';
import { type SnsMessage, snsOrigin } from './sns-message.ts';

/**
 * Reads the messages of the listed SNS topics, and verifies each first. Confirms a new subscription by visiting the URL
 * in its first message.
 * @returns a function that returns the bucket events of a message: none if it is about the subscription. It throws
 * `Problem` as `createSnsVerifier` does, `invalid-request` for any other notification, `keys-unavailable` if SNS does
 * not accept the confirmation.
 */
export function createSnsReader(options: {
  topics: readonly string[];
  download: Download;
  now: () => Date;
}): (message: SnsMessage) => Promise<BucketEvent[]> {
  const verify = createSnsVerifier(options);

  return async (message) => {
    await verify(message);
    if (message.Type === 'Notification') {
      const events = bucketEventsText.safeParse(message.Message);
      if (!events.success) throw new Problem('invalid-request', 'the message is not a bucket event of a known format');
      return events.data;
    }
    // The message about an ended subscription also has a URL, which would renew it.
    if (message.Type === 'SubscriptionConfirmation') {
      if (!message.SubscribeURL.startsWith(`${snsOrigin(message.TopicArn)}/?Action=ConfirmSubscription&`)) {
        throw new Problem('invalid-request', 'SubscribeURL does not lead to SNS');
      }
      await options.download(message.SubscribeURL).catch(throwUnavailable('keys'));
    }
    return [];
  };
}
