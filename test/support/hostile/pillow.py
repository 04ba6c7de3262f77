"""Says of each picture whether Pillow reads it. Standard input: its length in four bytes, big-endian, then its bytes. Standard
output: first a line with the versions, then a line of JSON for each picture: {"refused": null}, or the reason why it is refused,
or {"unable": "..."} where this Pillow has no reader for its kind. Metadata do not count: only pixels."""

import io
import json
import struct
import sys
import warnings

from PIL import Image, features

warnings.simplefilter("ignore")
# What is too large, the service decides.
Image.MAX_IMAGE_PIXELS = None
try:
    import pillow_heif

    pillow_heif.register_heif_opener()
    heif = pillow_heif.__version__
except ImportError:
    heif = None
versions = {"pillow": Image.__version__, "pillow_heif": heif, "avif": features.check("avif")}


def judge(data):
    brand = data[8:12] if data[4:8] == b"ftyp" else b""
    if brand in (b"avif", b"avis"):
        if not versions["avif"]:
            return {"unable": "no AVIF"}
    elif brand and heif is None:
        return {"unable": "no HEIC"}
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            image.convert("RGB")
        return {"refused": None}
    except Exception as error:
        return {"refused": f"{type(error).__name__}: {error}"[:200]}


print(json.dumps(versions), flush=True)
source = sys.stdin.buffer
while len(head := source.read(4)) == 4:
    print(json.dumps(judge(source.read(struct.unpack(">I", head)[0]))), flush=True)
