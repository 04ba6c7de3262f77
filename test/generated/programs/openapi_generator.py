"""Uses the clients that openapi-generator made, one for each kind of body. Arguments and output as openapi_python_client.py."""

import base64
import json
import sys

import quintet_form
import quintet_json
import quintet_raw

service, path, address, archive_path = sys.argv[1:]
picture = open(path, "rb").read()
archive = open(archive_path, "rb").read()
encoded = base64.b64encode(picture).decode()


def apis(package):
    client = package.ApiClient(package.Configuration(host=service))
    return package.JobsApi(client), package.BatchesApi(client)


form_jobs, form_batches = apis(quintet_form)
json_jobs, json_batches = apis(quintet_json)
raw_jobs, raw_batches = apis(quintet_raw)


def plain(model):
    return json.loads(model.to_json())


def submit(jobs, body, **options):
    response = jobs.submit_job_with_http_info(body, prefer="wait=60", top_k=2, **options)
    return [response.status_code, plain(response.data)]


def problem(package, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except package.ApiException as error:
        assert isinstance(error.data, package.Problem), error.data
        return [error.status, plain(error.data)]
    raise AssertionError("was accepted")


named = ("a picture.jpg", picture)
jobs = {
    "form": submit(form_jobs, named, explain=True, metadata='{"order": "17"}'),
    "base64": submit(json_jobs, quintet_json.JobRequest(image_base64=encoded)),
    "address": submit(json_jobs, quintet_json.JobRequest(image_url=address, top_k=2)),
    "raw": submit(raw_jobs, picture),
}
accepted = raw_jobs.submit_job_with_http_info(picture)
waited = form_jobs.read_job(accepted.data.id, prefer="wait=60")

batches = {}
for name, (api, body) in {
    "form": (form_batches, [named, named]),
    "json": (
        json_batches,
        quintet_json.BatchRequest(
            items=[quintet_json.BatchItem(image_base64=encoded, id="a"), quintet_json.BatchItem(image_url=address)]
        ),
    ),
    "raw": (raw_batches, archive),
}.items():
    response = api.submit_batch_with_http_info(body, prefer="wait=60", top_k=1)
    batch = api.read_batch(response.data.id)
    results = api.read_batch_results(batch.id)
    batches[name] = [response.status_code, plain(batch), [plain(result.job) for result in results]]

models = quintet_json.ServiceApi(quintet_json.ApiClient(quintet_json.Configuration(host=service)))
print(
    json.dumps(
        {
            "jobs": jobs,
            "accepted": [accepted.status_code, plain(accepted.data)],
            "waited": plain(waited),
            "batches": batches,
            "events": form_jobs.watch_job(waited.id),
            "explanation": bytes(form_jobs.read_explanation(jobs["form"][1]["id"])[:8]).hex(),
            "listed": [job.id for job in form_jobs.list_jobs(limit=2).jobs],
            "models": [model.name for model in models.list_models().models],
            "problems": {
                "conflict": problem(
                    quintet_json,
                    json_jobs.submit_job,
                    quintet_json.JobRequest(image_base64=encoded, top_k=5),
                    top_k=3,
                ),
                "text": problem(quintet_raw, raw_jobs.submit_job, b"no picture"),
                "unknown": problem(quintet_json, json_jobs.read_job, "00000000-0000-4000-8000-000000000000"),
                "finished": problem(quintet_json, json_jobs.cancel_job, waited.id),
            },
        }
    )
)
