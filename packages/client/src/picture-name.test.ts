import { fileExtensions, imageFormats } from '@quintet/images';
import { describe, expect, it } from 'vitest';
import { pictureExtensions as ofThePage } from '../../web/src/classify/picture-extensions.js';
import { pictureExtensions } from './picture-extensions.js';
import { isPictureName } from './picture-name.js';

describe('the names of pictures', () => {
  it('end as the files do that the service reads (npm run docs writes them)', () => {
    expect(pictureExtensions).toEqual(Object.values(fileExtensions).flat());
    expect(ofThePage).toEqual(pictureExtensions);
    expect(new Set(pictureExtensions).size).toBe(pictureExtensions.length);
    for (const format of imageFormats)
      expect(fileExtensions[format].some((each) => isPictureName(`a.${each}`))).toBe(true);
  });

  it.each([
    ['IMG_0001.HIF', true],
    ['DSC.0001.mpo', true],
    ['a.Jpeg', true],
    ['a.apng', true],
    ['a.avifs', true],
    ['a.dib', true],
    ['.hidden.jpg', false],
    ['.jpg', false],
    ['jpg', false],
    ['a.jpg.part', false],
    ['a.svg', false],
    ['a.', false],
    ['constructor', false],
  ])('%s: %s', (name, is) => {
    expect(isPictureName(name)).toBe(is);
  });
});
