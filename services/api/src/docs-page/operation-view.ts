/** One operation: how it is called, what it takes, what it answers, and how it fails. */
import { errorRegistry, type ErrorCode } from '@quintet/shared';
import { samplesOf } from '../openapi/samples.js';
import type { Contents, OperationObject, ParameterObject, ResponseObject, Schema } from './document-types.js';
import { markup, prose, type Html } from './html.js';
import { contentView, exampleView, kindOf, limitsOf } from './schema-view.js';

export interface OperationView {
  readonly method: string;
  readonly path: string;
  readonly operation: OperationObject;
}

export interface ViewContext {
  readonly schemas: Readonly<Record<string, Schema>>;
  /** Whether calls need a key. */
  readonly keyed: boolean;
}

export const operationElementId = ({ operationId }: OperationObject): string => `operation-${operationId}`;

export function operationView({ method, path, operation }: OperationView, context: ViewContext): Html {
  const id = operationElementId(operation);
  const { description, requestBody, parameters = [] } = operation;
  const scope = operation['x-scope'];
  const [failures, successes] = split(operation.responses);
  return markup`<section class="entry operation" id="${id}" aria-labelledby="${id}-title ${id}-route">
    <h3 id="${id}-title">${operation.summary.replace(/\.$/, '').replaceAll('`', '')}</h3>
    <p class="route" id="${id}-route">
      <span class="method ${method}">${method.toUpperCase()}</span>
      <code>${path}</code>
      ${scope === undefined ? markup`<span class="scope">open</span>` : markup`<span class="scope">scope <code>${scope}</code></span>`}
    </p>
    ${description === undefined ? undefined : markup`<p>${prose(description)}</p>`}
    ${samplesView(operation, context.keyed && scope !== undefined)}
    ${
      parameters.length === 0
        ? undefined
        : markup`<h4>Parameters</h4>
            <ul class="members">
              ${parameters.map(parameterRow)}
            </ul>`
    }
    ${
      requestBody === undefined
        ? undefined
        : markup`<h4>Body</h4>
            ${requestBody.description === undefined ? undefined : markup`<p>${prose(requestBody.description)}</p>`}
            ${contentView(requestBody.content)}${exampleOf(requestBody.content, context)}`
    }
    <h4>Answers</h4>
    ${successes.map(([status, answer]) => answerView(status, answer, context))}
    <details class="failures">
      <summary>Errors of this operation</summary>
      <ul>
        ${failures.map(([status, answer]) => failureView(status, answer))}
      </ul>
    </details>
  </section>`;
}

/** The error codes that an answer may have. */
export function codesOf({ 'x-error-codes': codes = [] }: ResponseObject): readonly ErrorCode[] {
  return codes;
}

/** Failures, and the rest. */
function split(
  responses: OperationObject['responses'],
): [failures: [string, ResponseObject][], successes: [string, ResponseObject][]] {
  const entries = Object.entries(responses);
  const fails = ([, answer]: [string, ResponseObject]): boolean => codesOf(answer).length > 0;
  return [entries.filter(fails), entries.filter((entry) => !fails(entry))];
}

/** One call in every language; the script makes tabs of them. With a key, all are written anew from the one with curl. */
function samplesView({ 'x-codeSamples': samples = [] }: OperationObject, needsKey: boolean): Html {
  const [curl] = samples;
  const shown = needsKey && curl !== undefined ? samplesOf(withKey(curl.source)) : samples;
  return markup`<div class="samples">
    ${shown.map(
      ({ label, source }) =>
        markup`<div class="sample" data-language="${label}">
          <p class="language">${label}</p>
          <pre tabindex="0" aria-label="${label}"><code>${source}</code></pre>
        </div>`,
    )}
  </div>`;
}

/** Every call of curl with the key that a shell keeps in a variable. */
export function withKey(source: string): string {
  return source.replaceAll(/\bcurl /g, 'curl -H "Authorization: Bearer $QUINTET_API_KEY" ');
}

function parameterRow(parameter: ParameterObject): Html {
  const { schema = {} } = parameter;
  return markup`<li>
    <span class="member"
      ><code>${parameter.name}</code>
      <span class="kind">${parameter.in}, ${kindOf(schema)}</span>
      ${parameter.required === true ? markup`<span class="required">required</span>` : undefined}</span
    >
    ${parameter.description === undefined ? undefined : markup`<p>${prose(parameter.description)}</p>`}${limitsOf(schema)}
  </li>`;
}

function answerView(status: string, answer: ResponseObject, context: ViewContext): Html {
  const headers = Object.entries(answer.headers ?? {});
  return markup`<div class="answer">
    <p><span class="status">${status}</span> ${prose(answer.description)}</p>
    ${
      headers.length === 0
        ? undefined
        : markup`<ul class="members">
            ${headers.map(
              ([name, { description = '' }]) =>
                markup`<li>
                  <span class="member"><code>${name}</code> <span class="kind">header</span></span>
                  <p>${prose(description)}</p>
                </li>`,
            )}
          </ul>`
    }
    ${answer.content === undefined ? undefined : markup`${contentView(answer.content)}${exampleOf(answer.content, context)}`}
  </div>`;
}

/** The example of what the first media type refers to. */
function exampleOf(contents: Contents, { schemas }: ViewContext): Html | undefined {
  const references = Object.values(contents).map(({ schema }) => schema?.$ref ?? schema?.items?.$ref);
  const name = references.find((reference) => reference !== undefined)?.replace(/^.*\//, '');
  const example = name === undefined ? undefined : schemas[name]?.examples?.[0];
  return example === undefined
    ? undefined
    : markup`<details class="example">
        <summary>Example of ${name}</summary>
        ${exampleView(example)}
      </details>`;
}

function failureView(status: string, answer: ResponseObject): Html {
  return markup`${codesOf(answer).map(
    (code) =>
      markup`<li>
        <span class="status">${status}</span> <a href="#error-${code}"><code>${code}</code></a> ${errorRegistry[code].title}.
      </li>`,
  )}`;
}
