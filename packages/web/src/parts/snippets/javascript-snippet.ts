/** The request as a module for Node, with the fetch that is built in. */
import { javaScriptString } from './quote.js';
import { endpointOf, givenOptions, waitSeconds, type SnippetRequest } from './request.js';

export function javaScriptSnippet(request: SnippetRequest): string {
  const { picture, needsKey } = request;
  const key = needsKey ? ', Authorization: `Bearer ${process.env.QUINTET_API_KEY}`' : '';
  const { imports, body, headers } =
    'url' in picture ? fromAddress(picture.url, request) : fromFile(picture.name, request);
  return `${imports}const service = ${javaScriptString(endpointOf(request))};
const headers = { Prefer: 'wait=${waitSeconds}'${key} };
${body}

let response = await fetch(service + '/v1/jobs', { method: 'POST', ${headers}, body });
let job = await response.json();
// Not done within ${waitSeconds} seconds: ask again.
while (response.ok && ['queued', 'processing'].includes(job.status)) {
  response = await fetch(service + job.links.self, { headers });
  job = await response.json();
}
if (!response.ok) throw new Error(job.detail);
if (job.status !== 'succeeded') throw new Error(job.error?.detail ?? job.status);

for (const { label, score } of job.predictions) console.log(\`\${(score * 100).toFixed(1)} %  \${label}\`);
`;
}

interface Sent {
  readonly imports: string;
  readonly body: string;
  readonly headers: string;
}

function fromFile(name: string, request: SnippetRequest): Sent {
  const fields = givenOptions(request).map(
    ([option, value]) => `body.set(${javaScriptString(option)}, ${javaScriptString(String(value))});`,
  );
  const file = `body.set('image', new Blob([await readFile(${javaScriptString(name)})]));`;
  return {
    imports: "import { readFile } from 'node:fs/promises';\n\n",
    body: ['const body = new FormData();', file, ...fields].join('\n'),
    headers: 'headers',
  };
}

function fromAddress(url: string, request: SnippetRequest): Sent {
  const members = [['image_url', url] as const, ...givenOptions(request)].map(
    ([name, value]) => `${name}: ${typeof value === 'string' ? javaScriptString(value) : value}`,
  );
  return {
    imports: '',
    body: `const body = JSON.stringify({ ${members.join(', ')} });`,
    headers: "headers: { ...headers, 'Content-Type': 'application/json' }",
  };
}
