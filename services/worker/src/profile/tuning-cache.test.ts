import { describe, expect, it } from 'vitest';
import { digest, machineKey } from './tuning-cache.js';

describe('the key of a machine', () => {
  it('differs by model, provider, cores, arithmetic and outputs, and is the same each time', () => {
    const options = { model: 'sha256:a', provider: 'cpu', cores: 2, exactInt8: true, features: undefined } as const;
    const others = [
      options,
      { ...options, model: 'sha256:b' },
      { ...options, provider: 'cuda' } as const,
      { ...options, cores: 4 },
      { ...options, exactInt8: false },
      { ...options, features: 'relu' },
    ];
    expect(new Set(others.map((each) => digest(machineKey(each)))).size).toBe(others.length);
    expect(digest(machineKey(options))).toBe(digest(machineKey({ ...options })));
  });
});
