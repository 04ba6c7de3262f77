"""Classifies with huggingface_hub as its users do. Arguments: the service's address, a photo, a model. Prints JSON."""

import json
import sys
from pathlib import Path

from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError

url, photo, model = sys.argv[1:]
client = InferenceClient(model=f"{url}/models/{model}")


def plain(answer):
    return [{"label": each.label, "score": each.score} for each in answer]


def failure(call):
    try:
        call()
    except HfHubHTTPError as error:
        return {"status": error.response.status_code, "message": str(error)}
    return None


print(
    json.dumps(
        {
            "path": plain(client.image_classification(photo)),
            "bytes": plain(client.image_classification(Path(photo).read_bytes())),
            "top_2": plain(client.image_classification(photo, top_k=2)),
            "none": plain(client.image_classification(photo, top_k=2, function_to_apply="none")),
            "sigmoid": plain(client.image_classification(photo, top_k=2, function_to_apply="sigmoid")),
            "model": plain(InferenceClient().image_classification(photo, model=f"{url}/models/{model}")),
            "top_99": failure(lambda: client.image_classification(photo, top_k=99)),
            "text": failure(lambda: client.image_classification(b"no picture")),
            "unknown": failure(lambda: client.image_classification(photo, model=f"{url}/models/nothing")),
        }
    )
)
