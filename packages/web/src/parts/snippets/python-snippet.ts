/** The request with Python's standard library: the picture is the body itself, which needs no form, and options are the query. */
import { pythonString } from './quote.js';
import { endpointOf, givenOptions, waitSeconds, type SnippetRequest } from './request.js';

export function pythonSnippet(request: SnippetRequest): string {
  const { picture, needsKey } = request;
  const key = needsKey ? ', "Authorization": "Bearer " + os.environ["QUINTET_API_KEY"]' : '';
  return `import json
${needsKey ? 'import os\n' : ''}from urllib.error import HTTPError
from urllib.request import Request, urlopen

service = ${pythonString(endpointOf(request))}
headers = {"Prefer": "wait=${waitSeconds}"${key}}


def ask(path, body=None, content_type=None):
    more = {} if body is None else {"Content-Type": content_type}
    try:
        with urlopen(Request(service + path, body, {**headers, **more}), timeout=60) as response:
            return json.load(response)
    except HTTPError as error:
        raise SystemExit(error.read().decode())


${'url' in picture ? fromAddress(picture.url, request) : fromFile(picture.name, request)}
# Not done within ${waitSeconds} seconds: ask again.
while job["status"] in ("queued", "processing"):
    job = ask(job["links"]["self"])
if job["status"] != "succeeded":
    raise SystemExit(job.get("error", {}).get("detail", job["status"]))

for prediction in job["predictions"]:
    print(f"{prediction['score']:.1%}  {prediction['label']}")
`;
}

function fromFile(name: string, request: SnippetRequest): string {
  const query = new URLSearchParams();
  for (const [option, value] of givenOptions(request)) query.set(option, String(value));
  const path = query.size === 0 ? '/v1/jobs' : `/v1/jobs?${query.toString()}`;
  return `with open(${pythonString(name)}, "rb") as file:
    job = ask(${pythonString(path)}, file.read(), "application/octet-stream")`;
}

function fromAddress(url: string, request: SnippetRequest): string {
  const members = [['image_url', url] as const, ...givenOptions(request)].map(
    ([name, value]) => `"${name}": ${literal(value)}`,
  );
  return `document = json.dumps({${members.join(', ')}}).encode()
job = ask("/v1/jobs", document, "application/json")`;
}

function literal(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return typeof value === 'string' ? pythonString(value) : String(value);
}
