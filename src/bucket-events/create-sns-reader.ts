import { Problem, unavailable } from '../contract/errors.ts';
import { type BucketEvent, bucketEventsText } from './bucket-event.ts';
import { createSnsVerifier, type Download } from './create-sns-verifier.ts';
import { type SnsMessage, snsOrigin } from './sns-message.ts';

/**
 * Reads the messages of the listed SNS topics, each verified first. The first one of a subscription asks whether it is
 * wanted; it is, since the topic is listed, and SNS is told so by visiting the URL it names.
 * @returns a function that answers the bucket events of a message, none for one about the subscription. It throws
 * `Problem` as `createSnsVerifier` says, `invalid-request` for a notification about something else, `keys-unavailable`
 * when SNS does not take the confirmation.
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
      if (!events.success) throw new Problem('invalid-request', 'the message is no bucket event of a known format');
      return events.data;
    }
    // The message that one has ended carries a URL as well: visiting that would begin it again.
    if (message.Type === 'SubscriptionConfirmation') {
      if (!message.SubscribeURL.startsWith(`${snsOrigin(message.TopicArn)}/?Action=ConfirmSubscription&`)) {
        throw new Problem('invalid-request', 'SubscribeURL does not lead to SNS');
      }
      await options.download(message.SubscribeURL).catch((error: unknown) => {
        throw unavailable('keys', error);
      });
    }
    return [];
  };
}
