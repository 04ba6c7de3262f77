/** A picture small enough to keep two hundred of, or to put into a link. */

const side = 160;
/** The best first; only where bytes are counted is another than the first tried. */
const qualities = [0.8, 0.6, 0.45, 0.3, 0.2];

/**
 * A JPEG of 160 px at the longer side and at most `mostBytes`, upright as its EXIF says; undefined for what this browser cannot show
 * (HEIC and TIFF in most). What is too large loses quality, then size. Never rejects: a result is worth keeping without its
 * picture.
 */
export async function makeThumbnail(picture: Blob, mostBytes = Infinity): Promise<Blob | undefined> {
  let bitmap: ImageBitmap | undefined;
  try {
    bitmap = await createImageBitmap(picture);
    for (let longest = side; longest >= side / 4; longest /= 2) {
      const canvas = draw(bitmap, longest);
      if (canvas === undefined) return undefined;
      for (const quality of qualities) {
        const blob = await new Promise<Blob | null>((resolve) => {
          canvas.toBlob(resolve, 'image/jpeg', quality);
        });
        if (blob === null) return undefined;
        if (blob.size <= mostBytes) return blob;
      }
    }
    return undefined;
  } catch {
    return undefined;
  } finally {
    bitmap?.close();
  }
}

function draw(bitmap: ImageBitmap, longest: number): HTMLCanvasElement | undefined {
  const scale = Math.min(1, longest / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext('2d');
  if (context === null) return undefined;
  context.imageSmoothingQuality = 'high';
  // JPEG knows no transparency, and would have black in its place.
  context.fillStyle = '#fff';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas;
}
