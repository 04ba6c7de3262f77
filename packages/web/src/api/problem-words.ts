/**
 * What the page says of each failure that a person can meet: what happened, and what to do about it. The service's own titles
 * are for programs ("The request has no body"); here they become sentences about the picture. A test compares this table with
 * the service's error registry: a code is here, or the test says why no person meets it.
 */
import type { Problem } from '@quintet/client';

/** Why something did not work: a problem of the service, or with a code of the page's own what is on the way to it. */
export type Failure = Pick<Problem, 'title' | 'retryable'> &
  Partial<Pick<Problem, 'detail' | 'request_id'>> & { readonly code: string };

export interface Words {
  /** What happened; short enough for two lines of a tile. */
  readonly title: string;
  /** What to do, in a sentence or two. */
  readonly advice: string;
  /** What the service says of this occasion, where that adds a number, a name or a reason. */
  readonly detail?: string;
}

const soon = 'The page tries again by itself.';
const other = 'Or try another picture.';
const operator = 'tell the operator of this service, with the request id below.';
const smaller = 'Make the picture smaller: a side of 500 pixels is enough for the model.';
const instead = 'download the picture and drop it here.';
const version = 'The service may be of another version than this page. Reload it.';

/** Title, advice, and whether the service's detail is worth reading. */
type Entry = readonly [title: string, advice: string, detail?: 'detail'];

const table: Readonly<Record<string, Entry>> = {
  // The file
  body_empty: ['The file is empty', 'There is no picture in it. Choose another file.'],
  image_empty: ['The file is empty', 'There is no picture in it. Choose another file.'],
  upload_incomplete: ['The upload was interrupted', `The connection broke while the picture was sent. ${soon}`],
  request_timeout: ['The upload took too long', `The connection may be slow. ${soon}`],
  body_too_large: ['The file is too large', smaller, 'detail'],
  image_format_unsupported: [
    'This file is not a known picture',
    'The service reads JPEG, PNG, WebP, AVIF, HEIC, GIF, TIFF and BMP. Save the picture as one of these, or try another.',
    'detail',
  ],
  image_truncated: [
    'The end of the picture is missing',
    'A download or a copy may have stopped early. Get the file again.',
    'detail',
  ],
  image_undecodable: [
    'The picture cannot be read',
    `The file is damaged, or of a rare kind. Open it in a picture editor and save it again. ${other}`,
    'detail',
  ],
  image_dimensions_invalid: ['The picture has no pixels', `Its width or its height is zero. ${other}`, 'detail'],
  image_too_many_pixels: ['The picture has too many pixels', smaller, 'detail'],
  image_polyglot: [
    'The file is more than a picture',
    'It is a picture and something else at once, which the service refuses. Save it again from a picture editor.',
    'detail',
  ],
  image_decode_timeout: ['The picture takes too long to read', `Save it again, smaller. ${other}`],
  image_too_complex: ['The picture takes too much to read', `Save it again, smaller. ${other}`, 'detail'],

  // Its address
  image_url_refused: [
    'This address is not allowed',
    `The service fetches public addresses only, which begin with http:// or https://. Else ${instead}`,
    'detail',
  ],
  image_url_unreachable: ['The address cannot be reached', `Check the address. If it is right, ${instead}`, 'detail'],
  image_url_status: ['There is no picture at the address', `Check the address, or ${instead}`, 'detail'],
  image_url_too_large: ['The picture there is too large', `Make it smaller: ${instead}`, 'detail'],
  image_url_redirects: [
    'The address leads on too often',
    'Open it in your browser, and use the address where the picture finally is.',
  ],

  // The service
  queue_full: ['The service is busy', `Many pictures are waiting already. ${soon}`],
  uploads_busy: ['The service is busy', `Many pictures are being sent at this moment. ${soon}`],
  storage_full: ['The service is busy', `It has no room for more pictures until some are done. ${soon}`],
  streams_busy: ['The service is busy', `Many people are watching their results. ${soon}`],
  redis_unavailable: ['The service is not ready', `It is starting, or a part of it is away. ${soon}`],
  model_unavailable: ['The service is not ready', `No worker has started yet. ${soon}`],
  shutting_down: ['The service is being restarted', soon],
  internal_error: ['The service made a mistake', `It is not about your picture. Try again; if it stays, ${operator}`],
  inference_failed: ['The model failed', `It is not about your picture. Try again; if it stays, ${operator}`],
  worker_lost: ['The work was interrupted', 'The machine that worked on the picture stopped. Send it again.'],
  image_lost: ['The picture was lost', 'The service lost it before it was classified. Send it again.'],
  idempotency_in_progress: ['It is being sent already', soon],

  // The result
  job_not_found: [
    'This result is gone',
    'Results are kept for a limited time. It may also belong to another key. Send the picture again.',
  ],
  job_id_invalid: ['The link is incomplete', 'Copy it again, to its very end.'],
  job_not_succeeded: ['Only a result can be corrected', 'Classify the picture again.'],
  job_finished: ['It was done already', 'It had ended before it could be canceled.'],
  job_expired: ['It was not started in time', 'It waited longer than it was allowed to. Send it again.'],
  explanation_not_found: [
    'The heat map is gone',
    'It is kept as long as the result. Send the picture again for a new one.',
  ],
  explanation_unsupported: ['This model cannot show that', 'It does not tell where it looked. Choose another model.'],

  // What was chosen
  option_invalid: ['The choice is not allowed', 'Choose another model, or reload the page.', 'detail'],
  model_not_found: ['This model is not served', 'Choose another, or reload the page.', 'detail'],
  route_not_found: ['The service does not know this', version],
  method_not_allowed: ['The service does not know this', version],

  // Who may
  api_key_missing: ['An API key is needed', 'Enter one. The operator of this service can give you a key.'],
  api_key_invalid: ['The API key is not valid', 'The service does not know it, or no longer. Enter another.'],
  scope_missing: [
    'Your API key does not allow this',
    'Enter another key, or ask the operator of this service.',
    'detail',
  ],
  rate_limited: ['You have sent more than your share', soon, 'detail'],
  concurrency_limited: ['You have many pictures waiting', `No more may wait at once. ${soon}`, 'detail'],

  // Of the page itself, and of the way to the service
  unreachable: ['The service cannot be reached', `Check your connection. The service may also be restarting. ${soon}`],
  image_unreadable: ['The file cannot be read', 'It may have been moved or changed since. Choose it again.'],
  page_error: ['Something went wrong in this page', 'Reload it. If it happens again, please report it.', 'detail'],
};

/** Whether there is a sentence for this very code. */
export function hasWords(code: string): boolean {
  return Object.hasOwn(table, code);
}

/** What to say of it. Of a code that the page does not know, the service's own words. */
export function wordsFor({ code, title, detail, retryable }: Failure): Words {
  const own = detail === undefined || detail === title ? {} : { detail };
  const [said, advice, shows] = hasWords(code) ? (table[code] ?? []) : [];
  if (said === undefined || advice === undefined) {
    return { title, advice: retryable ? `It may pass. ${soon}` : `Reload the page. If it stays, ${operator}`, ...own };
  }
  return { title: said, advice, ...(shows === 'detail' ? own : {}) };
}
