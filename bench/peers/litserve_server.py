"""LitServe: one API process, PEER_WORKERS inference processes, dynamic batching of LitAPI. Pictures come as multipart forms, which
is how LitServe takes files: a body is JSON or a form there.
"""

import litserve
import numpy as np
from preprocess import MAX_BATCH, PORT, WAIT_MS, WORKERS, Model, decode


class Classifier(litserve.LitAPI):
    def setup(self, device):
        self.model = Model()

    def decode_request(self, request):
        return decode(request["image"].file.read())

    def batch(self, inputs):
        return np.stack(inputs)

    def predict(self, batch):
        # Without batching (max_batch_size 1) LitServe hands over one tensor, not a batch.
        return self.model.run(batch if batch.ndim == 4 else batch[None])

    def unbatch(self, output):
        return list(output)

    def encode_response(self, output):
        return {"predictions": self.model.top_five(output.reshape(-1))}


if __name__ == "__main__":
    api = Classifier(max_batch_size=MAX_BATCH, batch_timeout=WAIT_MS / 1000)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=WORKERS, timeout=60)
    server.run(host="127.0.0.1", port=PORT, num_api_servers=1, generate_client_file=False, log_level="warning")
