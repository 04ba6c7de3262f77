"""The reference preprocessing of many files, in Pillow: one JSON line each, and the crops as raw RGB beside the file.

    reference.py FILE...

As torchvision's ResNet-50 transform does it, with either filter: EXIF rotation, RGB, the short side to 256 (the long one is
int(256 * long / short)), centre crop of 224. Source: torchvision.transforms.functional.resize and center_crop.
pillow-heif teaches Pillow to read HEIC.
"""
import hashlib
import json
import pathlib
import sys

import PIL
import pillow_heif
from PIL import Image, ImageOps

RESIZE, CROP = 256, 224
FILTERS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}


def preprocess(image: Image.Image, resample: int) -> Image.Image:
    width, height = image.size
    long = int(RESIZE * max(width, height) / min(width, height))
    size = (RESIZE, long) if width <= height else (long, RESIZE)
    left, top = (int(round((side - CROP) / 2.0)) for side in size)
    return image.resize(size, resample).crop((left, top, left + CROP, top + CROP))


pillow_heif.register_heif_opener()
print(json.dumps({"pillow": PIL.__version__, "pillow_heif": pillow_heif.__version__}))
for name in sys.argv[1:]:
    path = pathlib.Path(name)
    crops = {}
    with Image.open(path) as image:
        mode = image.mode
        upright = ImageOps.exif_transpose(image).convert("RGB")
    for filter_name, resample in FILTERS.items():
        pixels = preprocess(upright, resample).tobytes()
        path.with_suffix(f".{filter_name}").write_bytes(pixels)
        crops[filter_name] = hashlib.sha256(pixels).hexdigest()
    print(json.dumps({"file": path.name, "mode": mode, "crops": crops}), flush=True)
