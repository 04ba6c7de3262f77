/** JPEG, PNG, GIF, WebP and BMP as clients send them. */
import { describeInputs, sharedInput } from './support/inputs.js';

describeInputs('raster formats', {
  own: [],
  shared: [
    sharedInput('photo.jpg', { label: 'monarch', score: 0.9 }),
    sharedInput('bmp-rle8-delta.bmp', { label: 'monarch' }),
  ],
});
