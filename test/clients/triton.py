"""Infers with tritonclient as its users do. Arguments: the service's address, a model, photos. Prints JSON."""

import json
import sys

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

url, name, *photos = sys.argv[1:]
client = triton.InferenceServerClient(url.removeprefix("http://"), concurrency=4)

metadata = client.get_model_metadata(name)
config = client.get_model_config(name)
[tensor_in] = metadata["inputs"]
[tensor_out] = metadata["outputs"]
version = metadata["versions"][0]


def pictures(paths):
    data = np.array([open(path, "rb").read() for path in paths], dtype=np.object_)
    given = triton.InferInput("image", list(data.shape), "BYTES")
    given.set_data_from_numpy(data)
    return [given]


def tensors(values, binary):
    given = triton.InferInput(tensor_in["name"], list(values.shape), "FP32")
    given.set_data_from_numpy(values, binary_data=binary)
    return [given]


def infer(inputs, classes=0, binary=True, **more):
    wanted = triton.InferRequestedOutput(tensor_out["name"], binary_data=binary, class_count=classes)
    return client.infer(name, inputs, outputs=[wanted], **more)


def values(result):
    return result.as_numpy(tensor_out["name"])


def texts(result):
    return [[text.decode() if isinstance(text, bytes) else text for text in row] for row in values(result).tolist()]


def failure(call):
    try:
        call()
    except InferenceServerException as error:
        return {"status": error.status(), "message": error.message()}
    return None


rows = np.random.default_rng(5).standard_normal((3, *tensor_in["shape"][1:])).astype(np.float32)
reference = values(infer(tensors(rows, True)))
same = {
    "json_in": values(infer(tensors(rows[:1], False))),
    "json_out": values(infer(tensors(rows[:1], True), binary=False)),
    "gzip": values(infer(tensors(rows[:1], True), request_compression_algorithm="gzip")),
    "deflate": values(infer(tensors(rows[:1], True), request_compression_algorithm="deflate")),
    "gzip_out": values(infer(tensors(rows[:1], True), response_compression_algorithm="gzip")),
    "version": values(infer(tensors(rows[:1], True), model_version=version)),
    "version_1": values(infer(tensors(rows[:1], True), model_version="1")),
    "no_outputs": values(client.infer(name, tensors(rows[:1], True))),
    "async": values(client.async_infer(name, tensors(rows[:1], True)).get_result()),
}
named = infer(pictures(photos[:1]), request_id="a request", timeout=50_000_000, priority=2)

print(
    json.dumps(
        {
            "live": client.is_server_live(),
            "ready": client.is_server_ready(),
            "model_ready": client.is_model_ready(name),
            "version_ready": client.is_model_ready(name, version),
            "unknown_ready": client.is_model_ready("nothing"),
            "server": client.get_server_metadata(),
            "metadata": metadata,
            "config": config,
            "shape": reference.shape,
            "differs": {key: float(np.abs(found - reference[:1]).max()) for key, found in same.items()},
            "rows_differ": float(np.abs(reference[0] - reference[1]).max()),
            "logits": values(infer(pictures(photos[:1])))[0].tolist(),
            "classes": texts(infer(pictures(photos), classes=3)),
            "classes_json": texts(infer(pictures(photos[:1]), classes=3, binary=False)),
            "tensor_classes": texts(infer(tensors(rows, True), classes=1)),
            "reply": {key: named.get_response()[key] for key in ("id", "model_name", "model_version")},
            "unknown": failure(lambda: client.infer("nothing", tensors(rows, True))),
            "unknown_version": failure(lambda: client.get_model_metadata(name, "7")),
            "not_finite": failure(lambda: infer(tensors(rows * np.float32(np.inf), True))),
            "no_picture": failure(lambda: infer(pictures([__file__]))),
            "no_route": failure(client.get_log_settings),
        }
    )
)
