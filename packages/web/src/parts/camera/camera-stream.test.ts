import { describe, expect, it } from 'vitest';
import { cameraProblem } from './camera-stream.js';

describe('a camera that does not come', () => {
  it.each([
    ['NotAllowedError', 'not allowed'],
    ['SecurityError', 'not allowed'],
    ['NotFoundError', 'no camera'],
    ['NotReadableError', 'in use'],
    ['OverconstrainedError', 'gone'],
  ])('is explained: %s', (name, words) => {
    expect(cameraProblem(new DOMException('', name), true).title).toContain(words);
  });

  it('has the reason of a page that is not secure before any other', () => {
    const problem = cameraProblem(new TypeError("Cannot read properties of undefined (reading 'getUserMedia')"), false);
    expect(problem).toMatchObject({ retryable: false });
    expect(problem.text).toContain('https');
  });

  it('is told in the words of the browser where nobody knows better', () => {
    expect(cameraProblem(new DOMException('Starting videoinput failed', 'AbortError'), true).text).toContain(
      'Starting videoinput failed',
    );
    expect(cameraProblem('what?', true).title).toBe('The camera does not work');
  });
});
