"""BentoML: a service with PEER_WORKERS worker processes and one adaptively batched API. The batch is a list of images, so that
decoding happens in the batch's thread; a request is a multipart form with one image in that list.
"""

import bentoml
import numpy as np
from PIL.Image import Image
from preprocess import MAX_BATCH, WAIT_MS, WORKERS, Model, preprocess


@bentoml.service(
    name="classifier",
    workers=WORKERS,
    traffic={"timeout": 60},
    # A line per request is time that no other system here spends.
    logging={"access": {"enabled": False}},
)
class Classifier:
    def __init__(self):
        self.model = Model()

    @bentoml.api(batchable=True, max_batch_size=MAX_BATCH, max_latency_ms=int(WAIT_MS))
    def classify(self, images: list[Image]) -> list[list[dict]]:
        batch = np.stack([preprocess(image) for image in images])
        return [self.model.top_five(logits) for logits in self.model.run(batch)]
