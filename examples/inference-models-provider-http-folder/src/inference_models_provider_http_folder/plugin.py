"""What this distribution brings: one weights provider."""

from inference_models_core.hookspecs import hookimpl

INFERENCE_MODELS_API = "0.1"


@hookimpl
def register_weights_providers():
    """`httpfolder://`."""
    from inference_models_core.types.providers import WeightsProviderSpec

    yield WeightsProviderSpec(
        name="httpfolder",
        factory="inference_models_provider_http_folder.provider:HttpFolder",
        key_variables=("HTTP_FOLDER_KEY",),
        environment=("HTTP_FOLDER_URL",),
        summary="models from a folder on a web server",
    )
