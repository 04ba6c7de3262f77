import { describe, expect, it } from 'vitest';
import { headlineOf, unsureBelow } from './score.js';

describe('headlineOf', () => {
  it('does not give a guess for an answer', () => {
    expect(headlineOf({ label: 'shield', score: unsureBelow - 0.001 })).toBe('Not sure; closest: shield');
    expect(headlineOf({ label: 'shield', score: unsureBelow })).toBe('shield');
  });
});
