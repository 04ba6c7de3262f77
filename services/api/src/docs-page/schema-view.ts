/** A JSON schema as a reader sees it: its kind in words, its limits, and its members, each with what it means. */
import type { Contents, Schema } from './document-types.js';
import { markup, prose, type Html } from './html.js';

export const schemaId = (name: string): string => `schema-${name}`;

/** The name of the schema that a reference points at. */
function nameOf(reference: string): string {
  return reference.slice(reference.lastIndexOf('/') + 1);
}

/** `array of Job`, `string, uuid`, `one of …`. */
export function kindOf(schema: Schema): Html {
  if (schema.$ref !== undefined) {
    const name = nameOf(schema.$ref);
    return markup`<a href="#${schemaId(name)}">${name}</a>`;
  }
  if (schema.items !== undefined) return markup`array of ${kindOf(schema.items)}`;
  if (typeof schema.additionalProperties === 'object') return markup`map of ${kindOf(schema.additionalProperties)}`;
  const alternatives = schema.oneOf ?? schema.anyOf;
  if (alternatives !== undefined) return joined(alternatives.map(kindOf), ' or ');
  if (schema.allOf !== undefined) {
    // What has no name of its own is written out below.
    const named = schema.allOf.filter(({ $ref }) => $ref !== undefined).map(kindOf);
    return named.length === schema.allOf.length ? joined(named, ' and ') : markup`${joined(named, ' and ')}, and`;
  }
  const type = typeof schema.type === 'string' ? schema.type : (schema.type?.join(' or ') ?? 'any value');
  return markup`${schema.format === undefined ? type : `${type}, ${schema.format}`}`;
}

function joined(parts: readonly Html[], separator: string): Html {
  return markup`${parts.flatMap((part, index) => (index === 0 ? [part] : [separator, part]))}`;
}

const limits: readonly (readonly [keyof Schema, string])[] = [
  ['minimum', 'at least'],
  ['exclusiveMinimum', 'more than'],
  ['maximum', 'at most'],
  ['exclusiveMaximum', 'less than'],
  ['minLength', 'characters, at least'],
  ['maxLength', 'characters, at most'],
  ['minItems', 'entries, at least'],
  ['maxItems', 'entries, at most'],
  ['pattern', 'pattern'],
];

/** Values that are allowed, limits, default and examples of a single value. */
export function limitsOf(schema: Schema): Html {
  const values = schema.const === undefined ? (valuesOf(schema) ?? valuesOf(schema.items ?? {})) : [schema.const];
  const bounds = limits.flatMap(([name, text]) =>
    schema[name] === undefined ? [] : [markup`<span class="limit">${text} <code>${asText(schema[name])}</code></span>`],
  );
  return markup`${
    values === undefined
      ? undefined
      : markup`<span class="limit values">${values.map((value) => markup`<code>${asText(value)}</code> `)}</span>`
  }${bounds}${
    schema.default === undefined
      ? undefined
      : markup`<span class="limit">default <code>${asText(schema.default)}</code></span>`
  }${
    schema.examples === undefined || schema.properties !== undefined
      ? undefined
      : markup`<span class="limit">such as <code>${asText(schema.examples[0])}</code></span>`
  }`;
}

const valuesOf = (schema: Schema): readonly unknown[] | undefined => schema.enum ?? schema['x-extensible-enum'];

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Everything below `schema` that has a name; nothing for a single value. */
export function membersOf(schema: Schema): Html | undefined {
  const parts = [schema, ...(schema.allOf ?? []), ...(schema.oneOf ?? []), ...(schema.anyOf ?? [])];
  const rows = parts.flatMap(({ properties = {}, required = [] }) =>
    Object.entries(properties).map(([name, member]) => memberRow(name, member, required.includes(name))),
  );
  const nested = (schema.allOf ?? []).flatMap((part) => (part.oneOf ?? part.anyOf ?? []).map(membersOf));
  if (rows.length > 0)
    return markup`${nested}
      <ul class="members">
        ${rows}
      </ul>`;
  if (nested.length > 0) return markup`${nested}`;
  return schema.items === undefined ? undefined : membersOf(schema.items);
}

function memberRow(name: string, member: Schema, isRequired: boolean): Html {
  const description = member.description === undefined ? undefined : markup`<p>${prose(member.description)}</p>`;
  return markup`<li>
    <span class="member"
      ><code>${name}</code>
      <span class="kind">${kindOf(member)}</span>
      ${isRequired ? markup`<span class="required">always</span>` : undefined}</span
    >
    ${description}${limitsOf(member)}${membersOf(member)}
  </li>`;
}

/** Each media type with what is in it. */
export function contentView(contents: Contents): Html {
  return markup`${Object.entries(contents).map(
    ([mediaType, { schema = {} }]) =>
      markup`<div class="content">
        <p class="media"><code>${mediaType}</code> <span class="kind">${kindOf(schema)}</span></p>
        ${membersOf(schema)}
      </div>`,
  )}`;
}

export function exampleView(value: unknown): Html {
  return markup`<pre tabindex="0" aria-label="Example"><code>${JSON.stringify(value, null, 2)}</code></pre>`;
}
