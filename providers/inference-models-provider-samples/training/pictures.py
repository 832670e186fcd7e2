"""Write the sample pictures: scenes that neither training, validation nor test contains."""

from __future__ import annotations

import argparse
from pathlib import Path

import attrs
import cv2
from scenes import generate_scene

DESTINATION = Path(__file__).parents[1] / "src" / "inference_models_provider_samples" / "pictures"
LARGEST = 150 * 1024


@attrs.frozen(kw_only=True)
class Picture:
    """One file to write."""

    name: str
    seed: int
    width: int
    height: int
    objects: int


#: Picked by eye among the seeds from 4,000,000 on.
PICTURES = (
    Picture(name="wood.jpg", seed=4_000_003, width=1280, height=720, objects=12),
    Picture(name="plaster.jpg", seed=4_000_001, width=1280, height=720, objects=12),
    Picture(name="curtain.jpg", seed=4_000_105, width=720, height=960, objects=10),
    Picture(name="clay.jpg", seed=4_000_206, width=800, height=800, objects=12),
)


def jpeg(picture: Picture) -> bytes:
    """The scene as JPEG, at the highest quality in steps of five that stays within the limit."""
    scene = generate_scene(picture.seed, width=picture.width, height=picture.height, objects=picture.objects)
    for quality in range(95, 40, -5):
        _, data = cv2.imencode(".jpg", scene.image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if len(data) <= LARGEST:
            return data.tobytes()
    raise SystemExit(f"{picture.name} does not fit into {LARGEST} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=DESTINATION)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for picture in PICTURES:
        (arguments.out / picture.name).write_bytes(jpeg(picture))
        print(arguments.out / picture.name)


if __name__ == "__main__":
    main()
