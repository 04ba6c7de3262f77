/**
 * What a person can do about each failure, by its code; the title and detail come from the service. A test holds this to the
 * service's error registry: every code has a text.
 */
import type { Failure } from './item.js';

const program = 'This page should not have sent that. Reload it; if that does not help, tell whoever runs the service.';
const soon = 'The page tries again by itself.';
const other = 'Try another picture.';
const run = 'Tell whoever runs the service, with the request id below.';
const forPrograms = 'This belongs to requests by programs; the page does not make them.';

const advice: Readonly<Record<string, string>> = {
  body_empty: 'The file is empty. Choose another.',
  image_missing: 'The file is empty. Choose another.',
  image_empty: 'The file is empty. Choose another.',
  one_image_per_job: program,
  file_field_unexpected: program,
  multipart_malformed: program,
  json_malformed: program,
  base64_invalid: program,
  upload_incomplete: `The connection broke while the picture was sent. ${soon}`,
  option_unknown: program,
  option_conflict: program,
  option_invalid: 'Choose another model, or reload the page.',
  job_id_invalid: 'The link is incomplete. Copy it again, to its end.',
  request_malformed: program,
  job_not_found:
    'Results are kept for a limited time, and this one is gone, or belongs to another key. Send the picture again.',
  model_not_found: 'That model is no longer served. Choose another, or reload the page.',
  route_not_found: 'The service may be of another version than this page. Reload it.',
  method_not_allowed: 'The service may be of another version than this page. Reload it.',
  not_acceptable: program,
  request_timeout: `The picture took too long to arrive; the connection may be slow. ${soon}`,
  job_finished: 'It was done before it could be canceled.',
  body_too_large: 'Make the picture smaller: a side of 500 pixels is enough for the model.',
  content_type_unsupported: program,
  content_encoding_unsupported: program,
  webhook_url_refused: forPrograms,
  webhooks_disabled: forPrograms,
  image_format_unsupported:
    'JPEG, PNG, WebP, AVIF, HEIC, GIF, TIFF and BMP are understood. Save it as one of those, or try another.',
  image_truncated: 'The end of the file is missing, as after a download that broke. Get it again.',
  image_undecodable: `The file is damaged or not what its format says. Open it in a picture editor and save it again, or: ${other.toLowerCase()}`,
  image_dimensions_invalid: `The picture is zero pixels wide or high. ${other}`,
  image_too_many_pixels: 'Make the picture smaller: a side of 500 pixels is enough for the model.',
  image_polyglot:
    'The file is a picture and something else at once, which the service refuses. Save it anew from a picture editor.',
  image_decode_timeout: `Reading this picture takes too long. Save it anew, smaller. Or: ${other.toLowerCase()}`,
  image_too_complex: `Reading this picture takes too much. Save it anew, smaller. Or: ${other.toLowerCase()}`,
  queue_full: `Many pictures are waiting already. ${soon}`,
  uploads_busy: `Many pictures are being sent at this moment. ${soon}`,
  redis_unavailable: `The service is starting, or a part of it is away. ${soon}`,
  shutting_down: `The service is being restarted. ${soon}`,
  storage_full: `The service has no room for pictures until some are done. ${soon}`,
  streams_busy: `Many people are watching results. ${soon}`,
  internal_error: `A fault of the service, not of the picture. Try again; if it stays: ${run.toLowerCase()}`,
  image_lost: 'The service lost the picture before it was classified. Send it again.',
  inference_failed: `The model failed on this picture. Try again; if it stays: ${run.toLowerCase()}`,
  worker_lost: 'The machine that worked on it stopped. Send it again.',
  idempotency_key_invalid: program,
  idempotency_in_progress: `It is being sent already. ${soon}`,
  idempotency_key_reused: program,
  image_url_refused:
    'Only public addresses that begin with http:// or https:// may be fetched. Download the picture and drop it here.',
  image_url_unreachable: 'Check the address. If it is right, download the picture and drop it here.',
  image_url_status:
    'The other server did not give the picture. Check the address, or download the picture and drop it here.',
  image_url_too_large: 'Download it, make it smaller, and drop it here.',
  image_url_redirects: 'Open the address in your browser, and use the one where the picture finally is.',
  delivery_not_found: forPrograms,
  delivery_pending: forPrograms,
  webhook_endpoint_disabled: forPrograms,
  api_key_missing: 'Enter an API key. Whoever runs the service can give you one.',
  api_key_invalid: 'Enter another API key: this one is not known, or no longer.',
  scope_missing: 'Your key may not do this. Enter another, or ask whoever runs the service.',
  rate_limited: `You have sent more than your share for now. ${soon}`,
  concurrency_limited: `You have as many pictures waiting as you may. ${soon}`,
  batch_id_invalid: forPrograms,
  batch_empty: forPrograms,
  archive_malformed: forPrograms,
  batch_not_found: forPrograms,
  batch_finished: forPrograms,
  batch_too_many_items: forPrograms,
  batch_too_large: forPrograms,
  archive_entry_encrypted: forPrograms,
  archive_entry_unreadable: forPrograms,
  archive_entry_expands: forPrograms,
  infer_request_invalid: forPrograms,
  model_unavailable: forPrograms,
  job_canceled: forPrograms,
  answer_timeout: forPrograms,
  explanation_not_found: 'The heat map is kept as long as the result, and this one is gone. Send the picture again.',
  job_not_succeeded: 'Only a result can be corrected. Classify the picture again.',
  explanation_unsupported: 'This model cannot show where it looked. Choose another.',
  // Of the page itself, and of what may stand between it and the service.
  job_expired: 'It waited longer than it was allowed to. Send it again.',
  unreachable: `Check your connection; the service may also be restarting. ${soon}`,
  page_error: 'Reload the page. If it happens again, please report it.',
};

/** Whether there is a text for this very code. */
export function hasAdvice(code: string): boolean {
  return Object.hasOwn(advice, code);
}

/** What to do about it, in a sentence or two. */
export function adviceFor({ code, retryable }: Pick<Failure, 'code' | 'retryable'>): string {
  if (hasAdvice(code)) return advice[code] ?? '';
  return retryable ? `It may pass. ${soon}` : 'Reload the page; if that does not help, tell whoever runs the service.';
}
