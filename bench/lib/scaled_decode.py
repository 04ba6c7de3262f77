"""What shrink-on-load would cost and save, by Pillow: sharp does not give the scaled picture itself, libjpeg does.

    scaled_decode.py FILE...

One JSON line for each JPEG and each fraction that leaves a factor of 2: milliseconds of decoding and resampling, whole and
scaled (best of five, alternating), and the mean difference of the two crops, of 255.
"""
import json
import sys
import time

from PIL import Image, ImageChops, ImageStat


def crop(path, by):
    began = time.perf_counter()
    image = Image.open(path)
    width, height = image.size
    if by > 1:
        image.draft("RGB", (width // by, height // by))
    short, long = min(width, height), 256 * max(width, height) // min(width, height)
    size = (256, long) if width == short else (long, 256)
    # The scaled picture is rounded up to whole pixels; what is resampled must not be.
    image = image.resize(size, Image.BILINEAR, box=(0, 0, width / by, height / by))
    left, top = round((size[0] - 224) / 2), round((size[1] - 224) / 2)
    image = image.crop((left, top, left + 224, top + 224))
    return image, (time.perf_counter() - began) * 1000


for path in sys.argv[1:]:
    for by in (2, 4, 8):
        if min(Image.open(path).size) / 256 / by < 2:
            break
        runs = [(crop(path, 1), crop(path, by)) for _ in range(5)]
        difference = sum(ImageStat.Stat(ImageChops.difference(runs[0][0][0], runs[0][1][0])).mean) / 3
        whole, scaled = (min(run[index][1] for run in runs) for index in (0, 1))
        print(json.dumps({"file": path, "by": by, "whole": whole, "scaled": scaled, "difference": difference}))
