import fc from 'fast-check';
import { ProblemError } from '@quintet/shared';
import { describe, expect, it } from 'vitest';
import { joinOptions, parseOptions, parseTextOptions, readTextOptions } from './options.js';

function refusal(parse: () => unknown): ProblemError {
  try {
    parse();
  } catch (error) {
    if (error instanceof ProblemError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

describe('parseTextOptions', () => {
  it('reads each option as what it is', () => {
    expect(
      parseTextOptions([
        ['model', 'resnet50'],
        ['top_k', '3'],
        ['min_score', '.25'],
        ['explain', 'true'],
        ['ttl_seconds', '1.5'],
        ['priority', '10'],
        ['webhook_url', 'https://example.com/hook'],
        ['webhook_events', 'job.succeeded, job.failed'],
        ['webhook_events', 'job.expired'],
        ['metadata', '{"order":"17"}'],
      ]),
    ).toEqual({
      model: 'resnet50',
      top_k: 3,
      min_score: 0.25,
      explain: true,
      ttl_seconds: 1.5,
      priority: 10,
      webhook_url: 'https://example.com/hook',
      webhook_events: ['job.succeeded', 'job.failed', 'job.expired'],
      metadata: { order: '17' },
    });
    expect(parseTextOptions([])).toEqual({ top_k: 5, priority: 0 });
  });

  it.each([
    ['top_k', 'five'],
    ['top_k', '0'],
    ['top_k', '21'],
    ['top_k', '1.5'],
    ['top_k', ''],
    ['top_k', '0x5'],
    ['top_k', 'Infinity'],
    ['min_score', '1.01'],
    ['explain', 'yes'],
    ['min_score', 'NaN'],
    ['ttl_seconds', '0'],
    ['ttl_seconds', '-1'],
    ['priority', '11'],
    ['model', '../etc/passwd'],
    ['model', 'A'],
    ['webhook_url', 'ftp://example.com'],
    ['webhook_events', ''],
    ['webhook_events', 'job.started'],
    ['metadata', 'text'],
    ['metadata', '[]'],
    ['metadata', 'null'],
    ['metadata', '{"a":1}'],
    ['metadata', '{"a":{"b":"c"}}'],
    ['metadata', `{"${'k'.repeat(65)}":"v"}`],
    ['metadata', JSON.stringify(Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, 'v'])))],
  ])('refuses %s=%s, and says what is allowed', (name, value) => {
    const problem = refusal(() => parseTextOptions([[name, value]]));
    expect(problem.code).toBe('option_invalid');
    expect(problem.errors?.[0]?.pointer).toMatch(new RegExp(`^#/${name}`));
    expect(problem.message).toContain(`${name} must be `);
  });

  it('refuses an option that is given twice', () => {
    const twice: [string, string][] = [
      ['top_k', '3'],
      ['top_k', '4'],
    ];
    expect(refusal(() => parseTextOptions(twice)).errors).toEqual([
      { detail: 'top_k must be a whole number from 1 to 20, not ["3","4"]', pointer: '#/top_k' },
    ]);
  });

  it('takes an option that is given twice with one value, and true and false as other languages write them', () => {
    expect(
      parseTextOptions([
        ['top_k', '3'],
        ['top_k', '3'],
        ['explain', 'True'],
      ]),
    ).toMatchObject({ top_k: 3, explain: true });
    expect(['1', 'TRUE', 'false', 'False', '0'].map((text) => parseTextOptions([['explain', text]]).explain)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it('names unknown options, and those there are', () => {
    const problem = refusal(() => parseTextOptions([['topk', '5']]));
    expect(problem.code).toBe('option_unknown');
    expect(problem.message).toMatch(/"topk".*top_k/);
    for (const name of ['__proto__', 'constructor', 'toString', '']) {
      expect(refusal(() => parseTextOptions([[name, 'x']])).code).toBe('option_unknown');
    }
  });

  it('accepts or refuses anything, and never fails otherwise', () => {
    const names = fc.oneof(fc.constantFrom('top_k', 'min_score', 'metadata', 'webhook_events', 'model'), fc.string());
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.double().map(String));
    fc.assert(
      fc.property(fc.array(fc.tuple(names, text)), (entries) => {
        try {
          const { top_k: k } = parseTextOptions(entries);
          expect(k).toBeGreaterThanOrEqual(1);
        } catch (error) {
          expect(error).toBeInstanceOf(ProblemError);
        }
      }),
    );
  });
});

describe('parseOptions', () => {
  it('does not take strings for numbers in JSON', () => {
    expect(refusal(() => parseOptions({ top_k: '5' })).message).toBe(
      'top_k must be a whole number from 1 to 20, not "5".',
    );
  });

  it('reports every offender once, with its place', () => {
    const problem = refusal(() => parseOptions({ top_k: 0, metadata: { 'a/b~c d': 1 }, min_score: null }));
    expect(problem.errors?.map(({ pointer }) => pointer).sort()).toEqual([
      '#/metadata/a~1b~0c%20d',
      '#/min_score',
      '#/top_k',
    ]);
  });

  it('refuses metadata named __proto__, which would vanish, and keeps every other name', () => {
    const hostile = JSON.parse('{"metadata":{"__proto__":"x","a":"b"}}') as Record<string, unknown>;
    const problem = refusal(() => parseOptions(hostile));
    expect(problem.code).toBe('option_invalid');
    expect(problem.errors).toMatchObject([{ pointer: '#/metadata' }]);
    expect(problem.message).toContain('__proto__');
    expect(refusal(() => parseTextOptions([['metadata', '{"__proto__":"x"}']])).message).toBe(
      problem.message.replace(',"a":"b"', ''),
    );
    const key = fc.string({ minLength: 1, maxLength: 64 }).filter((name) => name !== '__proto__');
    const metadata = fc.dictionary(key, fc.string({ maxLength: 10 }), { maxKeys: 16, noNullPrototype: true });
    fc.assert(
      fc.property(metadata, (given) => {
        const named = { ...given, constructor: 'c' };
        fc.pre(Object.keys(named).length <= 16 && JSON.stringify(named).length < 4000);
        expect(parseOptions({ metadata: named }).metadata).toEqual(named);
      }),
    );
  });

  it('complains once of metadata with many wrong entries', () => {
    const metadata = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`k${index}`, index]));
    expect(refusal(() => parseOptions({ metadata })).errors).toHaveLength(1);
  });

  it('refuses a value however deep it is', () => {
    const deep = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
    for (const depth of [2, 100, 2700]) {
      expect(refusal(() => parseTextOptions([['metadata', deep(depth)]])).code).toBe('option_invalid');
    }
  });

  it('cuts long values short in what it says', () => {
    expect(refusal(() => parseOptions({ model: 'x'.repeat(10_000) })).message.length).toBeLessThan(200);
  });
});

describe('joinOptions', () => {
  const query = (text: string) => readTextOptions(new URLSearchParams(text));

  it('takes each option from wherever it is', () => {
    expect(joinOptions(query('top_k=3&explain=true'), { metadata: { a: 'b' }, priority: 2 })).toEqual({
      top_k: 3,
      explain: true,
      metadata: { a: 'b' },
      priority: 2,
    });
  });

  it.each<[string, Record<string, unknown>]>([
    ['top_k=3', { top_k: 3 }],
    ['top_k=3.0', query('top_k=3')],
    ['explain=True', { explain: true }],
    ['webhook_events=job.failed,job.succeeded', { webhook_events: ['job.succeeded', 'job.failed'] }],
    ['webhook_events=job.failed&webhook_events=job.succeeded', query('webhook_events=job.succeeded,job.failed')],
    ['metadata={"a":"1","b":"2"}', { metadata: { b: '2', a: '1' } }],
  ])('takes %s beside the same in the body', (text, body) => {
    expect(parseOptions(joinOptions(query(text), body))).toEqual(parseOptions(body));
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['top_k=3', { top_k: 5 }, 'top_k is 3 in the query and 5 in the body'],
    ['top_k=3', { top_k: '3' }, 'top_k is 3 in the query and "3" in the body'],
    ['model=a', { model: 'b' }, 'model is "a" in the query and "b" in the body'],
    ['metadata={"a":"1"}', { metadata: {} }, 'metadata is {"a":"1"} in the query and {} in the body'],
    [
      'webhook_events=job.failed',
      { webhook_events: ['job.failed', 'job.expired'] },
      'webhook_events is ["job.failed"]',
    ],
    ['__proto__=a', JSON.parse('{"__proto__": "b"}') as Record<string, unknown>, '__proto__ is "a" in the query'],
  ])('refuses %s beside another in the body', (text, body, words) => {
    const problem = refusal(() => joinOptions(query(text), body));
    expect([problem.code, problem.status]).toEqual(['option_conflict', 400]);
    expect(problem.message).toContain(words);
    expect(problem.message).toContain('Send each option once, or with the same value.');
    expect(problem.errors).toHaveLength(1);
  });

  it('is the same whichever place an option comes in', () => {
    const entry = fc.oneof<fc.Arbitrary<[string, unknown]>[]>(
      fc.tuple(fc.constant('top_k'), fc.integer({ min: 1, max: 20 })),
      fc.tuple(fc.constant('min_score'), fc.double({ min: 0, max: 1, noNaN: true }).map(Math.abs)),
      fc.tuple(fc.constant('explain'), fc.boolean()),
      fc.tuple(
        fc.constant('metadata'),
        fc.dictionary(fc.constantFrom('a', 'b'), fc.string(), { noNullPrototype: true }),
      ),
    );
    fc.assert(
      fc.property(fc.uniqueArray(entry, { selector: ([name]) => name }), fc.integer({ min: 0, max: 4 }), (all, at) => {
        const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
        const inQuery = readTextOptions(all.slice(0, at).map(([name, value]) => [name, asText(value)]));
        const body: Record<string, unknown> = Object.fromEntries(all.slice(at));
        expect(parseOptions(joinOptions(inQuery, body))).toEqual(parseOptions(Object.fromEntries<unknown>(all)));
      }),
    );
  });
});
