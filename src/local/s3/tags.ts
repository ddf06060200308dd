import { S3Error } from './s3-error.ts';
import type { Tag } from './store/object-record.ts';
import type { XmlElement } from './xml.ts';
import { childText } from './xml-body.ts';

const MAX_TAGS = 10;
const MAX_KEY_CHARACTERS = 128;
const MAX_VALUE_CHARACTERS = 256;

/** The S3 user guide, "Categorizing your storage using tags". */
const TAG_PATTERN = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/**
 * The tags of an `x-amz-tagging` header, URL-encoded like a query; empty without the header. Throws InvalidArgument if
 * it is malformed or repeats a tag, and the errors of `requireTags`.
 */
export function readTagHeader(headers: ReadonlyMap<string, string>): Tag[] {
  const text = headers.get('x-amz-tagging') ?? '';
  const pairs = text.split('&').filter((pair) => pair !== '');
  let tags: Tag[];
  try {
    tags = pairs.map((pair) => {
      const [key = '', ...value] = pair.replaceAll('+', ' ').split('=');
      return { key: decodeURIComponent(key), value: decodeURIComponent(value.join('=')) };
    });
  } catch {
    tags = [];
  }
  if (tags.length < pairs.length || hasDuplicates(tags)) {
    throw new S3Error(
      'InvalidArgument',
      "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag " +
        'name duplicates.',
      { ArgumentName: 'x-amz-tagging', ArgumentValue: text },
    );
  }
  return requireTags(tags);
}

/**
 * The tags of a Tagging document. Throws MalformedXML, InvalidTag for a repeated key, and the errors of `requireTags`.
 */
export function readTagging(root: XmlElement): Tag[] {
  const [set, ...others] = root.children;
  if (root.name !== 'Tagging' || set?.name !== 'TagSet' || others.length > 0) throw new S3Error('MalformedXML');
  const tags = set.children.map((element) => {
    const [key, value] = [childText(element, 'Key'), childText(element, 'Value')];
    if (element.name !== 'Tag' || key === null || value === null) throw new S3Error('MalformedXML');
    return { key, value };
  });
  if (hasDuplicates(tags)) throw new S3Error('InvalidTag', 'Cannot provide multiple Tags with the same key');
  return requireTags(tags);
}

/**
 * At most 10 tags, keys of 1 to 128 and values of up to 256 characters, letters, digits, spaces and `_.:/=+-@`. Throws
 * BadRequest and InvalidTag.
 */
function requireTags(tags: Tag[]): Tag[] {
  if (tags.length > MAX_TAGS) throw new S3Error('BadRequest', `Object tags cannot be greater than ${MAX_TAGS}`);
  for (const { key, value } of tags) {
    if (key.startsWith('aws:')) {
      throw new S3Error('InvalidTag', 'System tags cannot be added/updated by requester', { TagKey: key });
    }
    if (key === '' || [...key].length > MAX_KEY_CHARACTERS || !TAG_PATTERN.test(key)) {
      throw new S3Error('InvalidTag', 'The TagKey you have provided is invalid', { TagKey: key });
    }
    if ([...value].length > MAX_VALUE_CHARACTERS || !TAG_PATTERN.test(value)) {
      throw new S3Error('InvalidTag', 'The TagValue you have provided is invalid', { TagKey: key, TagValue: value });
    }
  }
  return tags;
}

function hasDuplicates(tags: readonly Tag[]): boolean {
  return new Set(tags.map(({ key }) => key)).size < tags.length;
}
