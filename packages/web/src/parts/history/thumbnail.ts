/** A picture small enough to keep two hundred of. */

const side = 160;

/**
 * A JPEG of 160 px at the longer side, upright as its EXIF says; undefined for what this browser cannot show (HEIC and TIFF in
 * most). Never rejects: a result is worth keeping without its picture.
 */
export async function makeThumbnail(picture: Blob): Promise<Blob | undefined> {
  let bitmap: ImageBitmap | undefined;
  try {
    bitmap = await createImageBitmap(picture);
    const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
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
    const blob = await new Promise<Blob | null>((resolve) => {
      canvas.toBlob(resolve, 'image/jpeg', 0.8);
    });
    return blob ?? undefined;
  } catch {
    return undefined;
  } finally {
    bitmap?.close();
  }
}
