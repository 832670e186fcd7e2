import os
from urllib.parse import quote, urljoin

import attrs
from inference_models_core.errors import InvalidRequestError
from inference_models_core.network.origins import origin_of
from inference_models_core.parsing import as_object
from inference_models_core.providers.documents import read_model
from inference_models_core.types.listings import ListedModel, ModelListing
from inference_models_core.types.packages import DownloadAccess
from inference_models_core.types.secrets import Secret


class HttpFolder:
    def __init__(self, context):
        self.context, self.root = context, os.environ.get("HTTP_FOLDER_URL", "").rstrip("/") + "/"
        if self.root == "/":
            raise InvalidRequestError("where are the models?", hint="export HTTP_FOLDER_URL=https://host/folder")
        origin, key = str(origin_of(self.root)), context.api_key
        headers = {origin: {"Authorization": Secret(f"Bearer {key.reveal()}")}} if key else {}
        self.access = DownloadAccess(origins=[origin], headers=headers)

    def resolve(self, model_id, *, revision=None):
        folder = urljoin(self.root, quote("/".join(filter(None, (model_id, revision)))) + "/")
        model = read_model(self.get(f"{folder}index.json", model_id), "index.json", self.context.read_manifest)
        packages = [attrs.evolve(each, artifacts=list(located(each, folder))) for each in model.packages]
        return attrs.evolve(model, packages=packages, revision=revision, download_access=self.access)

    def list_models(self, query="", *, task=None, cursor=None):
        page = as_object(self.get(urljoin(self.root, cursor or "index.json"), "the list of models"), "index.json")
        found = [each for each in page.items("models", listed) if query in each.model_id and task in (None, each.task)]
        return ModelListing(models=found, cursor=page.text("next", None))

    def get(self, url, what):
        with self.context.open_http(origins=self.access.origins, headers=self.access.headers) as http:
            return http.get_document(url, what=what)


def located(package, folder):
    for file in package.artifacts:  # where the document gives no URLs: <model>/<package>/<file>
        urls = file.urls or [f"{quote(package.package_id)}/{file.handle}"]
        yield attrs.evolve(file, urls=[urljoin(folder, url) for url in urls])


def listed(value, where):
    fields = as_object(value, where)
    return ListedModel(model_id=fields.text("modelId"), task=fields.text("taskType", None))
