/** What `npm start` says when it is ready. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bannerLines, curlCommand, picturePath } from '../../scripts/lib/banner.mjs';

const facts = {
  url: 'http://localhost:3000',
  model: 'efficientnet-lite0, which is part of this repository: no source of resnet50 could be reached',
  picture: 'examples/pictures/wall-clock.jpg',
  open: false,
  keyed: false,
  took: '12 s',
};
const wide = { columns: 120, live: true, unicode: true };
const command =
  "curl -sS -H 'Prefer: wait=10' -F image=@examples/pictures/wall-clock.jpg http://localhost:3000/v1/jobs";

describe('the banner', () => {
  it('has page, docs, model, who reaches it, and one command, in a box', () => {
    const lines = bannerLines(facts, wide);
    const [top = '', ...others] = lines;
    expect(top).toMatch(/^╭─+╮$/);
    expect(new Set(lines.map((line) => line.length)).size).toBe(1);
    const text = others.join('\n');
    expect(text).toMatch(/Page +http:\/\/localhost:3000 /);
    expect(text).toContain('http://localhost:3000/docs');
    expect(text).toContain('part of this repository');
    expect(text).toContain('HOST=0.0.0.0 npm start, with API_KEYS');
    expect(text).toContain(command);
  });

  it('keeps the command whole below the box where that is too narrow for it', () => {
    for (const columns of [80, 40]) {
      const lines = bannerLines(facts, { ...wide, columns });
      expect(lines.at(-1)).toBe(command);
      const box = lines.slice(0, -2);
      expect(box.at(-1)).toMatch(/^╰─+╯$/);
      expect(Math.max(...box.map((line) => line.length))).toBeLessThan(columns);
      expect(new Set(box.map((line) => line.length)).size).toBe(1);
    }
  });

  it('is plain lines where nobody watches, and where not even the address fits', () => {
    for (const terminal of [
      { ...wide, live: false },
      { ...wide, columns: 30 },
    ]) {
      const lines = bannerLines(facts, terminal);
      expect(lines[0]).toBe('Quintet is ready: http://localhost:3000');
      expect(lines.at(-1)).toBe(`  ${command}`);
      expect(lines.join('')).not.toMatch(/[│╭|]/);
    }
  });

  it('has a box without gaps at every width, or none', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 10, max: 200 }),
        fc.array(fc.stringMatching(/^[a-z0-9.,-]{1,30}$/), { minLength: 1, maxLength: 30 }),
        fc.boolean(),
        (columns, words, unicode) => {
          const lines = bannerLines({ ...facts, model: words.join(' ') }, { live: true, columns, unicode });
          if (!/^[╭+]/.test(lines[0] ?? '')) return;
          const box = lines.slice(0, lines.findIndex((line, index) => index > 0 && /^[╰+][─-]+[╯+]$/.test(line)) + 1);
          expect(new Set(box.map((line) => line.length)).size).toBe(1);
          expect(box[0]?.length).toBeLessThan(columns);
        },
      ),
    );
  });

  it('says that others reach it where they do, and that they need a key', () => {
    expect(bannerLines({ ...facts, open: true }, wide).join('\n')).toContain('without API_KEYS they may do everything');
    expect(bannerLines({ ...facts, keyed: true }, wide).join('\n')).toContain('$QUINTET_API_KEY');
  });
});

it('the picture is named as the shell finds it', () => {
  expect(picturePath('/home/me/q', '/home/me/q')).toBe('examples/pictures/wall-clock.jpg');
  expect(picturePath('/home/me', '/home/me/q')).toBe('q/examples/pictures/wall-clock.jpg');
  expect(picturePath('/home/me/q/docs', '/home/me/q')).toBe('/home/me/q/examples/pictures/wall-clock.jpg');
});

it('a folder with a space or a quote is quoted', () => {
  expect(curlCommand({ ...facts, picture: "/my d'or/wall-clock.jpg" })).toContain(
    "-F 'image=@/my d'\\''or/wall-clock.jpg' ",
  );
});
