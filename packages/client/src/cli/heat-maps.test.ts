import { expect, it } from 'vitest';
import { fileName } from './heat-maps.js';

it('names a file safely for whatever the picture is called', () => {
  expect(
    [
      'photos/a b.jpg',
      'C:\\photos\\c.jpg',
      'https://example.com/x/y.png?z=1',
      '-',
      '../..',
      '.hidden',
      'Grüße.jpg',
    ].map(fileName),
  ).toEqual(['a_b.jpg', 'c.jpg', 'y.png', 'stdin', 'picture', 'hidden', 'Grüße.jpg']);
  expect(fileName('a'.repeat(400)).length).toBe(180);
});
