import { describe, expect, it } from 'vitest';
import { transparentColour } from './gif-transparency.js';

const table = [10, 11, 12, 20, 21, 22, 30, 31, 32, 40, 41, 42];
const control = (flags: number, index: number): number[] => [0x21, 0xf9, 4, flags, 0, 0, index, 0];

/** Signature and screen of 1 × 1, then what is given. */
function gif(flags: number, background: number, ...rest: number[]): Buffer {
  return Buffer.from([...Buffer.from('GIF89a'), 1, 0, 1, 0, flags, background, 0, ...rest]);
}
const frame = (flags: number): number[] => [0x2c, 0, 0, 0, 0, 1, 0, 1, 0, flags];

describe('transparentColour', () => {
  it('is that of the transparent index, from the palette that the frame uses', () => {
    expect(transparentColour(gif(0x81, 0, ...table, ...control(1, 2), ...frame(0)))).toEqual({ r: 30, g: 31, b: 32 });
    const local = table.map((value) => value + 100);
    const both = gif(0x81, 0, ...table, ...control(1, 3), ...frame(0x81), ...local);
    expect(transparentColour(both)).toEqual({ r: 140, g: 141, b: 142 });
    const comment = [0x21, 0xfe, 2, 1, 1, 3, 9, 9, 9, 0];
    const late = gif(0x81, 0, ...table, ...comment, ...control(1, 1), ...frame(0));
    expect(transparentColour(late)).toEqual({ r: 20, g: 21, b: 22 });
  });

  it('is that of the background where no index is transparent', () => {
    expect(transparentColour(gif(0x81, 3, ...table, ...control(0, 2), ...frame(0)))).toEqual({ r: 40, g: 41, b: 42 });
  });

  it('is black where there is no such entry, or nothing at all', () => {
    const black = { r: 0, g: 0, b: 0 };
    expect(transparentColour(gif(0x81, 0, ...table, ...control(1, 9), ...frame(0)))).toEqual(black);
    expect(transparentColour(gif(0x01, 0, ...frame(0)))).toEqual(black);
    expect(transparentColour(gif(0x81, 0, ...table))).toEqual(black);
    expect(transparentColour(Buffer.from('GIF89a'))).toEqual(black);
  });
});
