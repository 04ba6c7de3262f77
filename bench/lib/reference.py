"""The reference preprocessing of many files: one JSON line each, the crop as raw RGB beside the file.

    reference.py SCRIPT FILE...

SCRIPT is reference_preprocess.py, which knows nothing of HEIC; pillow-heif teaches Pillow to read it.
"""
import hashlib
import json
import pathlib
import runpy
import sys

import PIL
import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()
preprocess = runpy.run_path(sys.argv[1])["preprocess"]
print(json.dumps({"pillow": PIL.__version__, "pillow_heif": pillow_heif.__version__}))
for name in sys.argv[2:]:
    path = pathlib.Path(name)
    with Image.open(path) as image:
        mode = image.mode
    pixels = preprocess(path).tobytes()
    path.with_suffix(".rgb").write_bytes(pixels)
    print(json.dumps({"file": path.name, "mode": mode, "crop": hashlib.sha256(pixels).hexdigest()}), flush=True)
