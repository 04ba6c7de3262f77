import { describe, expect, it } from 'vitest';
import { int8MaySaturate, providersToTry, vectorInstructions } from './hardware.js';

const info = (flags: string): string =>
  `processor\t: 0\nmodel name\t: AMD EPYC\nflags\t\t: ${flags}\nbugs\t\t: spectre\n`;

const zen3 = 'fpu sse4_2 avx avx2 fma';
const zen4 = `${zen3} avx512f avx512_vnni`;

describe('vectorInstructions', () => {
  it('tells processors of the same name apart, in any order', () => {
    expect(vectorInstructions(info(zen3))).toBe('avx avx2 fma sse4_2');
    expect(vectorInstructions(info('fma avx2 avx sse4_2 fpu'))).toBe(vectorInstructions(info(zen3)));
    expect(vectorInstructions(info(zen4))).not.toBe(vectorInstructions(info(zen3)));
    expect(vectorInstructions('Features\t: fp asimd sve\n')).toBe('asimd sve');
    expect(vectorInstructions('')).toBe('');
  });
});

describe('int8MaySaturate', () => {
  it('on x86 without VNNI, and where nothing is known of an x86', () => {
    expect(int8MaySaturate('x64', vectorInstructions(info(zen3)))).toBe(true);
    expect(int8MaySaturate('x64', vectorInstructions(info(`${zen3} avx512f avx512_vbmi2`)))).toBe(true);
    expect(int8MaySaturate('x64', '')).toBe(true);
  });

  it('not with VNNI of either form, nor on ARM', () => {
    expect(int8MaySaturate('x64', vectorInstructions(info(zen4)))).toBe(false);
    expect(int8MaySaturate('x64', vectorInstructions(info(`${zen3} avx_vnni`)))).toBe(false);
    expect(int8MaySaturate('arm64', vectorInstructions('Features\t: fp asimd\n'))).toBe(false);
  });
});

describe('providersToTry', () => {
  const nothing = { bundled: new Set(['cpu', 'webgpu']), nvidia: false, renderNode: false };
  it('falls back to the CPU only where nobody named a provider', () => {
    expect(providersToTry('auto', nothing)).toEqual(['cpu']);
    expect(providersToTry('auto', { ...nothing, renderNode: true })).toEqual(['webgpu', 'cpu']);
    expect(
      providersToTry('auto', { bundled: new Set(['cpu', 'cuda', 'webgpu']), nvidia: true, renderNode: false }),
    ).toEqual(['cuda', 'webgpu', 'cpu']);
    expect(providersToTry('cuda', nothing)).toEqual(['cuda']);
  });
});
