"""Uses the client that openapi-python-client made. 

Arguments: the service's address; the path of a picture, and its address; the path of an archive of two. Prints what came back.
"""

import base64
import io
import json
import sys

from quintetclient import AuthenticatedClient
from quintetclient.api.batches import read_batch, read_batch_results, submit_batch
from quintetclient.api.jobs import cancel_job, list_jobs, read_explanation, read_job, submit_job, watch_job
from quintetclient.api.service import list_models
from quintetclient.models import (
    BatchItem,
    BatchRequest,
    JobRequest,
    Problem,
    SubmitBatchFilesBody,
    SubmitJobFilesBody,
)
from quintetclient.types import File

service, path, address, archive_path = sys.argv[1:]
picture = open(path, "rb").read()
archive = open(archive_path, "rb").read()
encoded = base64.b64encode(picture).decode()
# A service without keys takes any.
client = AuthenticatedClient(base_url=service, token="none", raise_on_unexpected_status=True)


def file() -> File:
    return File(payload=io.BytesIO(picture), file_name="a picture.jpg", mime_type="image/jpeg")


def submit(body, **options):
    response = submit_job.sync_detailed(client=client, body=body, prefer="wait=60", top_k=2, **options)
    return [int(response.status_code), response.parsed.to_dict()]


def problem(response):
    assert isinstance(response.parsed, Problem), response.parsed
    return [int(response.status_code), response.parsed.to_dict()]


jobs = {
    "form": submit(SubmitJobFilesBody(image=file()), explain=True, metadata='{"order": "17"}'),
    "base64": submit(JobRequest(image_base64=encoded)),
    "address": submit(JobRequest(image_url=address, top_k=2)),
    "raw": submit(file()),
}
accepted = submit_job.sync_detailed(client=client, body=file())
waited = read_job.sync(accepted.parsed.id, client=client, prefer="wait=60")

batches = {}
for name, body in {
    "form": SubmitBatchFilesBody(images=[file(), file()]),
    "json": BatchRequest(items=[BatchItem(image_base64=encoded, id="a"), BatchItem(image_url=address)]),
    "raw": File(payload=io.BytesIO(archive)),
}.items():
    response = submit_batch.sync_detailed(client=client, body=body, prefer="wait=60", top_k=1)
    batch = read_batch.sync(response.parsed.id, client=client)
    results = read_batch_results.sync(batch.id, client=client)
    batches[name] = [int(response.status_code), batch.to_dict(), [result.job.to_dict() for result in results]]

print(
    json.dumps(
        {
            "jobs": jobs,
            "accepted": [int(accepted.status_code), accepted.parsed.to_dict()],
            "waited": waited.to_dict(),
            "batches": batches,
            "events": watch_job.sync(waited.id, client=client),
            "explanation": read_explanation.sync(jobs["form"][1]["id"], client=client).payload.read(8).hex(),
            "listed": [job.id for job in list_jobs.sync(client=client, limit=2).jobs],
            "models": [model.name for model in list_models.sync(client=client).models],
            "problems": {
                "conflict": problem(
                    submit_job.sync_detailed(client=client, body=JobRequest(image_base64=encoded, top_k=5), top_k=3)
                ),
                "text": problem(submit_job.sync_detailed(client=client, body=File(payload=io.BytesIO(b"no picture")))),
                "unknown": problem(read_job.sync_detailed("00000000-0000-4000-8000-000000000000", client=client)),
                "finished": problem(cancel_job.sync_detailed(waited.id, client=client)),
            },
        }
    )
)
