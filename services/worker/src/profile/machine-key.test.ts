import { describe, expect, it } from 'vitest';
import { digest, machineKey, vectorInstructions } from './machine-key.js';

const info = (flags: string): string =>
  `processor\t: 0\nmodel name\t: AMD EPYC\nflags\t\t: ${flags}\nbugs\t\t: spectre\n`;

describe('the key of a machine', () => {
  it('tells processors of the same name apart by their vector instructions, in any order', () => {
    const zen3 = vectorInstructions(info('fpu sse4_2 avx avx2 fma'));
    expect(zen3).toBe('avx avx2 fma sse4_2');
    expect(vectorInstructions(info('fma avx2 avx sse4_2 fpu'))).toBe(zen3);
    expect(vectorInstructions(info('fpu sse4_2 avx avx2 fma avx512f avx512_vnni'))).not.toBe(zen3);
    expect(vectorInstructions('Features\t: fp asimd sve\n')).toBe('asimd sve');
    expect(vectorInstructions('')).toBe('');
  });

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
