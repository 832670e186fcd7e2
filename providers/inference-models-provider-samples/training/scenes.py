"""Seeded scenes for the shapes detector: textured grounds, light, and up to a dozen occluding shapes.

`generate_scene(seed)` is the whole interface. The layout is decided first, on a label map, so that boxes and
visible fractions are exact; the picture is painted after it. Every object keeps its contours in pixels, from which
instance masks or key points follow.
"""

from __future__ import annotations

import attrs
import cv2
import numpy as np
from shapes import CLASS_NAMES, SHAPES, Contours, bounds, placed
from textures import BACKGROUNDS, FILLS, clouds, colourise, glow, gradient, noise

#: Width and height of the pictures that a seed may choose, landscape more often than not.
SIZES = ((640, 480), (640, 480), (640, 360), (480, 640), (512, 512), (800, 600), (480, 360), (960, 540), (1280, 720))
MAXIMUM_OBJECTS = 12
#: Longer side of an object's whole box as a fraction of the picture's longer side.
EXTENTS = (0.03, 0.5)
#: An object that would hide another beyond this, or lie outside the picture beyond this, is placed elsewhere.
MINIMUM_VISIBLE = 0.75
PLACEMENT_ATTEMPTS = 12
SUBPIXEL_BITS = 4


@attrs.frozen(kw_only=True)
class SceneObject:
    """One shape of a scene.

    Attributes:
        class_id: Index into `CLASS_NAMES`.
        contours: Outer contour, then holes; float32 [points, 2] each, pixels, may leave the picture.
        box: Visible extent as float32 [x_min, y_min, x_max, y_max], inside the picture.
        visible: Visible part of the whole shape's area, 0..1.
    """

    class_id: int
    contours: Contours = attrs.field(eq=False)
    box: np.ndarray = attrs.field(eq=False)
    visible: float


@attrs.frozen(kw_only=True)
class Scene:
    """A picture and what is in it.

    Attributes:
        image: uint8 [height, width, 3], BGR.
        objects: From the rearmost to the foremost.
        labels: uint8 [height, width]: 0 for the ground, i + 1 where `objects[i]` is visible.
    """

    image: np.ndarray = attrs.field(eq=False)
    objects: tuple[SceneObject, ...]
    labels: np.ndarray = attrs.field(eq=False)

    @property
    def boxes(self) -> np.ndarray:
        """float32 [objects, 4], x_min y_min x_max y_max in pixels."""
        return np.array([item.box for item in self.objects], np.float32).reshape(-1, 4)

    @property
    def class_ids(self) -> np.ndarray:
        """int64 [objects]."""
        return np.array([item.class_id for item in self.objects], np.int64)

    @property
    def visible(self) -> np.ndarray:
        """float32 [objects], 0..1."""
        return np.array([item.visible for item in self.objects], np.float32)


def generate_scene(
    seed: int, *, width: int | None = None, height: int | None = None, objects: int | None = None
) -> Scene:
    """The scene of a seed; the same arguments give the same pixels.

    Args:
        seed: Any non-negative integer.
        width: Of the picture, in pixels; drawn from `SIZES` when not given.
        height: Of the picture, in pixels; drawn together with the width.
        objects: How many to place (fewer where there is no room); drawn from 1..12 when not given.
    """
    rng = np.random.default_rng(seed)
    drawn_width, drawn_height = SIZES[int(rng.integers(len(SIZES)))]
    drawn_objects = int(rng.integers(1, MAXIMUM_OBJECTS + 1))
    width, height = width or drawn_width, height or drawn_height
    items, labels = _layout(width, height, drawn_objects if objects is None else objects, rng)
    canvas = _ground(height, width, rng)
    for item in items:
        _paint(canvas, item, rng)
    return Scene(image=_photograph(_illuminate(canvas, rng), rng), objects=items, labels=labels)


# --- layout ---------------------------------------------------------------------------------------------------------


def _layout(
    width: int, height: int, count: int, rng: np.random.Generator
) -> tuple[tuple[SceneObject, ...], np.ndarray]:
    labels = np.zeros((height, width), np.uint8)
    shapes: list[tuple[int, Contours]] = []
    areas = [np.inf]
    for _ in range(count):
        for _ in range(PLACEMENT_ATTEMPTS):
            class_id, contours = _random_shape(width, height, rng)
            trial = labels.copy()
            cv2.fillPoly(trial, _fixed_point(contours), len(shapes) + 1, shift=SUBPIXEL_BITS)
            area = _area(contours)
            if _all_visible(trial, [*areas, area]):
                labels, shapes, areas = trial, [*shapes, (class_id, contours)], [*areas, area]
                break
    objects = tuple(
        SceneObject(
            class_id=class_id,
            contours=contours,
            box=_visible_box(labels == index, contours),
            visible=float(min(1.0, np.count_nonzero(labels == index) / areas[index])),
        )
        for index, (class_id, contours) in enumerate(shapes, start=1)
    )
    return objects, labels


def _random_shape(width: int, height: int, rng: np.random.Generator) -> tuple[int, Contours]:
    class_id = int(rng.integers(len(CLASS_NAMES)))
    low, high = np.log(EXTENTS)
    extent = np.exp(low + (high - low) * rng.beta(2.4, 2.0)) * max(width, height)
    contours = placed(
        SHAPES[CLASS_NAMES[class_id]](rng),
        extent=min(extent, 0.9 * min(width, height)),
        angle=rng.uniform(0, 2 * np.pi),
        centre=(rng.uniform(0, width), rng.uniform(0, height)),
    )
    return class_id, contours


def _all_visible(labels: np.ndarray, areas: list[float]) -> bool:
    counts = cv2.calcHist([labels], [0], None, [len(areas)], [0, len(areas)]).reshape(-1)[1:]
    return bool((counts >= MINIMUM_VISIBLE * np.array(areas[1:])).all())


def _area(contours: Contours) -> float:
    areas = [cv2.contourArea(contour) for contour in contours]
    return float(areas[0] - sum(areas[1:]))


def _visible_box(mask: np.ndarray, contours: Contours) -> np.ndarray:
    """The contour's exact bounds where its own edge shows, the mask's extent where it is cut."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    extent = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)
    size = np.array([mask.shape[1], mask.shape[0]] * 2, np.float32)
    return np.clip(np.clip(bounds(contours) + 0.5, extent - 0.5, extent + 0.5), 0, size).astype(np.float32)


def _fixed_point(contours: Contours, origin: tuple[int, int] = (0, 0)) -> list[np.ndarray]:
    return [np.rint((contour - origin) * 2**SUBPIXEL_BITS).astype(np.int32) for contour in contours]


# --- painting -------------------------------------------------------------------------------------------------------


def _ground(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    texture = BACKGROUNDS[int(rng.integers(len(BACKGROUNDS)))](height, width, rng)
    if rng.random() < 0.4:
        other = BACKGROUNDS[int(rng.integers(len(BACKGROUNDS)))](height, width, rng)
        texture = texture + (other - texture) * clouds(height, width, rng)
    canvas = colourise(texture, _palette(rng))
    if rng.random() < 0.2:
        _scatter_lines(canvas, rng)
    return canvas


def _palette(rng: np.random.Generator) -> np.ndarray:
    """2 to 4 related BGR colours, 0..1."""
    hue = rng.uniform(-1, 1, 3)
    base = rng.uniform(0.2, 0.8) + (hue - hue.mean()) * rng.beta(1.3, 2.2) * 0.6
    brightness = np.linspace(-1, 1, int(rng.integers(2, 5)))[:, None] * rng.uniform(0.05, 0.28)
    tint = rng.normal(0, rng.uniform(0.01, 0.1), (len(brightness), 3))
    return np.clip(base + brightness + tint, 0.02, 0.98)


def _scatter_lines(canvas: np.ndarray, rng: np.random.Generator) -> None:
    """Scratches, wires and cracks: open curves that are no object."""
    height, width = canvas.shape[:2]
    for _ in range(int(rng.integers(1, 7))):
        steps = rng.normal(0, 0.05, (24, 2)).cumsum(axis=0).cumsum(axis=0) * 0.2 + rng.uniform(0, 1, 2)
        points = np.rint(steps * [width, height] * 2**SUBPIXEL_BITS).astype(np.int32)
        colour = tuple(float(c) for c in canvas.mean(axis=(0, 1)) + rng.normal(0, 0.2, 3))
        cv2.polylines(canvas, [points], False, colour, int(rng.integers(1, 3)), cv2.LINE_AA, SUBPIXEL_BITS)


def _paint(canvas: np.ndarray, item: SceneObject, rng: np.random.Generator) -> None:
    """Shadow, then the object, blended into the window of the canvas that it can touch."""
    box = bounds(item.contours)
    extent = float((box[2:] - box[:2]).max())
    margin = 3 + extent * 0.25
    height, width = canvas.shape[:2]
    left, top = (int(max(0, v)) for v in box[:2] - margin)
    right, bottom = int(min(width, box[2] + margin)), int(min(height, box[3] + margin))
    window = canvas[top:bottom, left:right]
    polygons = _fixed_point(item.contours, (left, top))
    alpha = _coverage(polygons, window.shape[:2])
    fill = _fill(window, alpha, rng)
    if rng.random() < 0.5:
        _cast_shadow(window, alpha, extent, rng)
    if rng.random() < 0.45:
        fill += _bevel(alpha, extent, rng)[..., None]
    if rng.random() < 0.35:
        _outline(fill, polygons, extent, rng)
    if rng.random() < 0.15:
        alpha = cv2.GaussianBlur(alpha, (0, 0), 0.3 + 0.02 * extent)
    opacity = np.float32(rng.uniform(0.8, 1.0) if rng.random() < 0.2 else 1.0)
    window += (np.clip(fill, 0, 1) - window) * (alpha * opacity)[..., None]


def _coverage(polygons: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, polygons, 255, cv2.LINE_AA, SUBPIXEL_BITS)
    return mask.astype(np.float32) / 255


def _fill(window: np.ndarray, alpha: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The object's surface: flat, shaded or textured, in a colour set against what lies behind it."""
    height, width = alpha.shape
    colour = _contrasting(window, (alpha > 0.5).astype(np.uint8), rng)
    style = rng.random()
    if style < 0.3:
        return np.full((height, width, 3), colour, np.float32)
    second = np.clip(colour + rng.normal(0, 0.16 if style > 0.6 else 0.12, 3), 0, 1)
    ramp = np.stack([colour, second])
    if style < 0.6:
        return colourise((gradient if style < 0.45 else glow)(height, width, rng), ramp)
    return colourise(FILLS[int(rng.integers(len(FILLS)))](height, width, rng), ramp)


def _contrasting(window: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A BGR colour at a drawn distance from what it covers; one object in six is of low contrast."""
    mean, deviation = (values.ravel() for values in cv2.meanStdDev(window, mask=mask))
    distance = rng.uniform(0.18, 0.28) if rng.random() < 0.17 else rng.uniform(0.3, 0.9)
    distance += 0.7 * float(np.linalg.norm(deviation))  # a restless ground hides more
    candidates = rng.uniform(0, 1, (24, 3))
    distances = np.linalg.norm(candidates - mean, axis=1)
    return candidates[np.abs(distances - distance).argmin()]


def _cast_shadow(window: np.ndarray, alpha: np.ndarray, extent: float, rng: np.random.Generator) -> None:
    offset = rng.uniform(0.02, 0.1, 2) * extent * rng.choice([-1, 1], 2)
    move = np.array([[1, 0, offset[0]], [0, 1, offset[1]]], np.float32)
    moved = cv2.warpAffine(alpha, move, alpha.shape[::-1])
    shadow = cv2.GaussianBlur(moved, (0, 0), 0.5 + extent * rng.uniform(0.01, 0.05))
    window *= 1 - np.float32(rng.uniform(0.25, 0.6)) * shadow[..., None]


def _bevel(alpha: np.ndarray, extent: float, rng: np.random.Generator) -> np.ndarray:
    """Light on a rounded edge: the slope of the blurred mask along the direction of the light."""
    height = cv2.GaussianBlur(alpha, (0, 0), 0.6 + extent * rng.uniform(0.02, 0.08))
    slope_x, slope_y = cv2.Sobel(height, cv2.CV_32F, 1, 0), cv2.Sobel(height, cv2.CV_32F, 0, 1)
    angle = rng.uniform(0, 2 * np.pi)
    slope = np.float32(np.cos(angle)) * slope_x + np.float32(np.sin(angle)) * slope_y
    return slope * np.float32(rng.uniform(0.15, 0.4) / max(float(np.abs(slope).max()), 1e-6))


def _outline(fill: np.ndarray, polygons: list[np.ndarray], extent: float, rng: np.random.Generator) -> None:
    """A border of another brightness; the mask later cuts off what lies outside."""
    thickness = max(1, round(extent * rng.uniform(0.03, 0.1)))
    colour = tuple(float(c) for c in rng.uniform(0, 0.35, 3) + (0.65 if rng.random() < 0.4 else 0))
    cv2.polylines(fill, polygons, True, colour, thickness, cv2.LINE_AA, SUBPIXEL_BITS)


# --- light and camera -----------------------------------------------------------------------------------------------


def _illuminate(canvas: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Uneven light, a vignette and soft shadows over the whole picture."""
    height, width = canvas.shape[:2]
    light = np.ones((height, width), np.float32)
    if rng.random() < 0.6:
        field = (gradient if rng.random() < 0.5 else glow)(height, width, rng)
        light *= np.float32(rng.uniform(0.45, 0.85)) + np.float32(rng.uniform(0.3, 0.6)) * field
    if rng.random() < 0.4:
        x, y = np.linspace(-1, 1, width, dtype=np.float32)[None], np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        light *= 1 - np.float32(rng.uniform(0.15, 0.35)) * (x**2 + y**2) / 1.4
    if rng.random() < 0.3:
        light *= _soft_shadow(height, width, rng)
    canvas *= light[..., None]
    return canvas


def _soft_shadow(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Foliage or a window bar between the lamp and the scene."""
    pattern = noise(height, width, rng, cells=rng.uniform(2, 6), octaves=2)
    edge = np.clip((pattern - 0.5) * np.float32(rng.uniform(3, 10)) + 0.5, 0, 1)
    return 1 - np.float32(rng.uniform(0.2, 0.5)) * edge


def _photograph(canvas: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur, sensor noise, tone and JPEG, as a camera would add them."""
    longer = max(canvas.shape)
    if rng.random() < 0.4:
        canvas = cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.3, 1.0) * longer / 500)
    if rng.random() < 0.1:
        canvas = _motion_blur(canvas, rng.uniform(2, 6) * longer / 640, rng.uniform(0, np.pi))
    canvas *= rng.uniform(0.92, 1.08, 3).astype(np.float32)
    canvas = cv2.pow(np.clip(canvas, 0, 1), rng.uniform(0.75, 1.25))
    if rng.random() < 0.6:
        canvas += rng.standard_normal(canvas.shape, dtype=np.float32) * np.float32(rng.uniform(0.005, 0.05))
    image = np.rint(np.clip(canvas, 0, 1) * 255).astype(np.uint8)
    if rng.random() < 0.5:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 95))])
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return image


def _motion_blur(canvas: np.ndarray, length: float, angle: float) -> np.ndarray:
    size = 2 * int(np.ceil(length / 2)) + 1
    kernel = np.zeros((size, size), np.float32)
    half = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    start, stop = np.rint(size // 2 - half).astype(int), np.rint(size // 2 + half).astype(int)
    cv2.line(kernel, start.tolist(), stop.tolist(), 1.0)
    return cv2.filter2D(canvas, -1, kernel / kernel.sum())
