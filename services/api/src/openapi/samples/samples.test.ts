import { describe, expect, it } from 'vitest';
import { samplesOf } from '../samples.js';
import { readSample } from './shell.js';

const sourceOf = (curl: string, label: string): string =>
  samplesOf(curl).find((sample) => sample.label === label)?.source ?? '';

describe('a sample', () => {
  it('is read from its call with curl', () => {
    const curl = `JOB=$(curl -s -F image=@photo.jpg -F top_k=3 http://a/v1/jobs | jq -r .id)\ncurl -X PUT -H 'A: b c' --json '{"x": 1}' http://a/v1/jobs/$JOB`;
    expect(readSample(curl)).toEqual({
      variables: [
        {
          name: 'JOB',
          pick: { path: ['id'] },
          call: {
            method: 'POST',
            url: 'http://a/v1/jobs',
            headers: {},
            streams: false,
            body: {
              kind: 'form',
              fields: [
                { name: 'image', file: 'photo.jpg' },
                { name: 'top_k', value: '3' },
              ],
            },
          },
        },
      ],
      call: {
        method: 'PUT',
        url: 'http://a/v1/jobs/$JOB',
        headers: { A: 'b c' },
        streams: false,
        body: { kind: 'json', text: '{"x": 1}' },
      },
    });
  });

  it.each([
    'wget http://a',
    'curl --head http://a',
    'curl',
    'X=$(date | jq -r .id)\ncurl http://a',
    'A=$(curl http://a | sed x)\ncurl http://a',
  ])('that says what is not known is refused: %s', (curl) => {
    expect(() => readSample(curl)).toThrow(/sample/);
  });

  it('takes variables of its own and of the environment', () => {
    const curl = `JOB=$(curl http://a | jq -r '.all[0].id')\ncurl -H "Authorization: Bearer $KEY" http://a/$JOB`;
    expect(sourceOf(curl, 'JavaScript')).toBe(
      [
        "const jobAnswer = await fetch('http://a');",
        'const job = (await jobAnswer.json()).all[0].id;',
        '',
        'const response = await fetch(`http://a/${job}`, {',
        '  headers: { Authorization: `Bearer ${process.env.KEY}` },',
        '});',
        'console.log(response.status, await response.text());',
      ].join('\n'),
    );
    expect(sourceOf(curl, 'Python')).toBe(
      [
        'import json',
        'import os',
        'from urllib.request import Request, urlopen',
        '',
        'with urlopen("http://a") as response:',
        '    job = json.load(response)["all"][0]["id"]',
        '',
        'request = Request(',
        '    f"http://a/{job}",',
        `    headers={"Authorization": f"Bearer {os.environ['KEY']}"},`,
        ')',
        'with urlopen(request) as response:',
        '    print(response.status, response.read().decode())',
      ].join('\n'),
    );
  });

  it('quotes what would end a text', () => {
    const curl = `curl --json '{"a": "it\\"s"}' http://a`;
    expect(sourceOf(curl, 'JavaScript')).toContain(`{ a: 'it"s' }`);
    expect(sourceOf(curl, 'Python')).toContain(`{"a": "it\\"s"}`);
  });
});
