/**
 * `GET /docs`: the OpenAPI document as a page, made once at the start and sent as it is.
 *
 * Everything is in one answer: no script is needed to read it, and style and script (for searching, copying, the address in the
 * samples, and trying) stand in it, so that it works below any prefix. The policy allows these two by their hashes; the script may
 * ask this service, and nobody else.
 * The viewers that there are (Swagger UI, Redoc, Scalar) need 'unsafe-inline' or nonces, megabytes of script or fonts from
 * elsewhere, and show nothing without.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { errorRegistry, type ErrorCode } from '@quintet/shared';
import type { OpenApiDocument } from '../openapi/document.js';
import type { ApiDocument, Schema } from './document-types.js';
import { Html, markup, prose } from './html.js';
import { operationElementId, operationView, type OperationView } from './operation-view.js';
import { shellView } from './shell.js';
import { contentView, exampleView, limitsOf, kindOf, membersOf, schemaId } from './schema-view.js';

export interface DocsPage {
  readonly html: string;
  readonly contentSecurityPolicy: string;
}

/** `keyed`: whether this service asks for keys, so that examples have one. */
export function docsPage(source: OpenApiDocument, { keyed }: { readonly keyed: boolean }): DocsPage {
  const document = source as unknown as ApiDocument;
  const style = [
    ...['tokens.css', 'header.css'].map(ofThePage),
    ...['docs.css', 'docs-entries.css', 'docs-try.css'].map(asset),
  ].join('');
  const script = ['docs.js', 'docs-request.js', 'docs-answer.js', 'docs-try.js'].map(asset).join('');
  return {
    html: pageOf(document, { keyed, style, script }).text,
    contentSecurityPolicy: [
      "default-src 'none'",
      `style-src ${hashOf(style)}`,
      `script-src ${hashOf(script)}`,
      // For "Try it": the service itself, and the pictures that it answers.
      "connect-src 'self'",
      'img-src blob:',
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
  };
}

function asset(name: string): string {
  return readFileSync(new URL(`../../assets/${name}`, import.meta.url), 'utf8');
}

/** A style sheet that every view of the page has, too: it is there where the page itself has not been built. */
function ofThePage(name: string): string {
  return readFileSync(createRequire(import.meta.url).resolve(`@quintet/web/shell/${name}`), 'utf8');
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

function operationsOf({ paths }: ApiDocument): OperationView[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );
}

interface PageOptions {
  readonly keyed: boolean;
  readonly style: string;
  readonly script: string;
}

function pageOf(document: ApiDocument, { keyed, style, script }: PageOptions): Html {
  const { info, tags, components } = document;
  const operations = operationsOf(document);
  const context = { schemas: components.schemas, keyed };
  return markup`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${info.title} API</title>
        <style>${new Html(style)}</style>
      </head>
      <body data-keyed="${keyed ? 'yes' : 'no'}">
        ${shellView(info.title)}
        <div class="columns">
          <nav id="contents" aria-label="Operations">
            <div id="search" hidden>
              <label for="query">Search</label>
              <input
                id="query"
                type="search"
                autocomplete="off"
                spellcheck="false"
                aria-keyshortcuts="/"
                aria-describedby="found"
              />
              <p id="found" role="status"></p>
            </div>
            <details id="index" open>
              <summary>Contents</summary>
              ${tags.map(({ name }) => navGroup(name, operations))}
              <p class="group">More</p>
              <ul>
                <li><a href="#webhook-events">Webhook events</a></li>
                <li><a href="#schemas">Schemas</a></li>
                <li><a href="#errors">Errors</a></li>
              </ul>
            </details>
          </nav>
          <main id="content" tabindex="-1">
            <h1>API <span>${info.version}</span></h1>
            <p class="summary">${info.summary} <a href="openapi.json">openapi.json</a></p>
            <p class="intro">
              Every sample runs as it stands, beside a picture <code>photo.jpg</code>: with curl in a shell, where some ask
              <code>jq</code> for an id, in Node 20, or in Python 3.8, each without anything to install.
              ${keyed ? markup`This service asks for keys: yours belongs in the variable <code>QUINTET_API_KEY</code>.` : markup`This service asks for no key.`}
            </p>
            ${tags.map(({ name, description }) => tagView(name, description, operations, context))}
            ${webhooksView(document)} ${schemasView(document)} ${errorsView()}
          </main>
        </div>
        <script>${new Html(script)}</script>
      </body>
    </html>
`;
}

function navGroup(tag: string, operations: readonly OperationView[]): Html {
  const entries = operations.filter(({ operation }) => operation.tags.includes(tag));
  return markup`<div class="nav-group">
    <p class="group">${tag}</p>
    <ul>
      ${entries.map(
        ({ method, path, operation }) =>
          markup`<li>
            <a href="#${operationElementId(operation)}"
              ><span class="method ${method}">${method.toUpperCase()}</span> ${breakable(path)}</a
            >
          </li>`,
      )}
    </ul>
  </div>`;
}

/** A path that may be broken before each slash. */
function breakable(path: string): Html {
  return markup`<span class="path">${path.split(/(?=\/)/).map((part) => markup`<wbr />${part}`)}</span>`;
}

function tagView(
  tag: string,
  description: string,
  operations: readonly OperationView[],
  context: { readonly schemas: Readonly<Record<string, Schema>>; readonly keyed: boolean },
): Html {
  const entries = operations.filter(({ operation }) => operation.tags.includes(tag));
  return markup`<section class="tag" aria-labelledby="tag-${tag}">
    <h2 id="tag-${tag}">${tag}</h2>
    <p>${prose(description)}</p>
    ${entries.map((entry) => operationView(entry, context))}
  </section>`;
}

function webhooksView({ webhooks }: ApiDocument): Html {
  return markup`<section class="tag" aria-labelledby="webhook-events">
    <h2 id="webhook-events">Webhook events</h2>
    ${Object.entries(webhooks).map(
      ([event, { post }]) =>
        markup`<section class="entry" id="event-${event}" aria-labelledby="event-${event}-title">
          <h3 id="event-${event}-title"><code>${event}</code></h3>
          <p>${prose(post.summary)}</p>
          ${contentView(post.requestBody.content)}
        </section>`,
    )}
  </section>`;
}

function schemasView({ components }: ApiDocument): Html {
  return markup`<section class="tag" aria-labelledby="schemas">
    <h2 id="schemas">Schemas</h2>
    ${Object.entries(components.schemas).map(
      ([name, schema]) =>
        markup`<section class="entry" id="${schemaId(name)}" aria-labelledby="${schemaId(name)}-title">
          <h3 id="${schemaId(name)}-title">${name}</h3>
          ${schema.description === undefined ? undefined : markup`<p>${prose(schema.description)}</p>`}
          ${
            schema.properties === undefined
              ? markup`<p class="kind">${kindOf(schema)}</p>
                  ${limitsOf(schema)}`
              : undefined
          }
          ${membersOf(schema)}
          ${
            schema.examples === undefined
              ? undefined
              : markup`<details class="example">
                  <summary>Example of ${name}</summary>
                  ${exampleView(schema.examples[0])}
                </details>`
          }
        </section>`,
    )}
  </section>`;
}

/** Every code, also those that only jobs end with. */
function errorsView(): Html {
  return markup`<section class="tag" aria-labelledby="errors">
    <h2 id="errors">Errors</h2>
    <p>
      Every failure is a <a href="#schema-Problem">problem document</a> (RFC 9457) with a <code>code</code> that never
      changes.
    </p>
    <ul class="errors">
      ${(Object.keys(errorRegistry) as ErrorCode[]).map((code) => {
        const { status, title, retryable } = errorRegistry[code];
        return markup`<li class="entry" id="error-${code}">
          <span class="status">${status}</span> <code>${code}</code>
          <span>${title}.${retryable ? markup` <span class="required">may succeed later</span>` : undefined}</span>
        </li>`;
      })}
    </ul>
  </section>`;
}
