"""What the three Python peers share: the settings, the picture as torchvision's ResNet-50 transform makes it, the session, and
the five top classes. Only the serving around it differs, which is what the benchmark compares.

Every setting comes from the environment, which bench/peers/systems.mjs fills in; README.md says why those values.
"""

import io
import os

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

PORT = int(os.environ["PEER_PORT"])
MODEL = os.environ["PEER_MODEL"]
LABELS = os.environ["PEER_LABELS"]
WORKERS = int(os.environ["PEER_WORKERS"])
THREADS = int(os.environ["PEER_THREADS"])
MAX_BATCH = int(os.environ["PEER_BATCH"])
WAIT_MS = float(os.environ["PEER_WAIT_MS"])

RESIZE = 256
CROP = 224
MEAN = np.array([0.485, 0.456, 0.406], np.float32)[:, None, None]
STD = np.array([0.229, 0.224, 0.225], np.float32)[:, None, None]
# (x / 255 - mean) / std as one multiplication and one addition.
SCALE = 1 / (255 * STD)
SHIFT = -MEAN / STD


def preprocess(image):
    """A PIL image as 3 x 224 x 224 floats: EXIF rotation, short side to 256 (antialiased bilinear), centre crop."""
    image = ImageOps.exif_transpose(image).convert("RGB")
    width, height = image.size
    short, long = min(width, height), max(width, height)
    size = (RESIZE, int(RESIZE * long / short)) if width <= height else (int(RESIZE * long / short), RESIZE)
    image = image.resize(size, Image.Resampling.BILINEAR)
    left = int(round((size[0] - CROP) / 2.0))
    top = int(round((size[1] - CROP) / 2.0))
    pixels = np.asarray(image.crop((left, top, left + CROP, top + CROP)))
    tensor = pixels.transpose(2, 0, 1).astype(np.float32)
    tensor *= SCALE
    tensor += SHIFT
    return tensor


def decode(data):
    """The tensor of an image file's bytes."""
    return preprocess(Image.open(io.BytesIO(data)))


class Model:
    """The session, with spinning off: idle threads that spin take their core from everything else on these few cores."""

    def __init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name
        with open(LABELS, encoding="utf-8") as file:
            self.labels = [line.rstrip("\n").split("\t")[1] for line in file if line.strip()]
        self.run(np.zeros((1, 3, CROP, CROP), np.float32))

    def run(self, batch):
        """Logits of a batch of tensors."""
        return self.session.run(None, {self.input: batch})[0]

    def top_five(self, logits):
        """The answer to one picture."""
        best = np.argpartition(logits, -5)[-5:]
        best = best[np.argsort(logits[best])[::-1]]
        powers = np.exp(logits - logits.max())
        scores = powers[best] / powers.sum()
        return [
            {"label": self.labels[index], "index": int(index), "score": float(score)}
            for index, score in zip(best, scores)
        ]
