"""Ray Serve: PEER_WORKERS replicas with @serve.batch behind Serve's HTTP proxy. A picture is the raw body. Decoding and inference
run in threads (as Serve's guide to asyncio asks), so that a replica reads the next requests meanwhile.
"""

import asyncio
import signal
import tempfile
import threading

import numpy as np
import ray
from preprocess import MAX_BATCH, PORT, THREADS, WAIT_MS, WORKERS, Model, decode
from ray import serve
from starlette.requests import Request


@serve.deployment(
    num_replicas=WORKERS,
    ray_actor_options={"num_cpus": THREADS},
    # Room for many batches, as for 64 clients: past it requests wait in the proxy, which tries again after growing pauses.
    max_ongoing_requests=100,
)
class Classifier:
    def __init__(self):
        self.model = Model()

    @serve.batch(max_batch_size=MAX_BATCH, batch_wait_timeout_s=WAIT_MS / 1000)
    async def infer(self, tensors: list[np.ndarray]) -> list[np.ndarray]:
        return list(await asyncio.to_thread(lambda: self.model.run(np.stack(tensors))))

    async def __call__(self, request: Request):
        tensor = await asyncio.to_thread(decode, await request.body())
        return {"predictions": self.model.top_five(await self.infer(tensor))}


if __name__ == "__main__":
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    ray.init(
        address="local",
        num_cpus=WORKERS * THREADS,
        include_dashboard=False,
        # Nothing large goes through the object store here; its default is 30 % of the memory.
        object_store_memory=128 * 1024 * 1024,
        logging_level="warning",
        # Ray would take /tmp/ray, whatever TMPDIR says.
        _temp_dir=tempfile.gettempdir(),
    )
    serve.start(http_options={"host": "127.0.0.1", "port": PORT})
    serve.run(Classifier.bind(), route_prefix="/", name="classifier")
    stop.wait()
    ray.shutdown()
